"""Give a model that generates video larger pictures; what it imagines and plans stays as it is.

Frames of more pixels show the same scene, so their latents can stay the same: layers are added to
the encoder that make large frames small, and to the decoder that learn to draw what is finer.
Generator and agent, which take far longer to learn, keep every weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.learning.decoder import DecoderConfig, draw
from wm_planner.learning.picture_fit import descend_pictures, fit_pictures, prepare, usually
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.paths import model_dir
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.store import read_config
from wm_planner.world_models.video_config import VideoConfig
from wm_planner.world_models.video_model import VideoModel

_FEWEST = 6  # channels that let three colours pass


@dataclass(frozen=True)
class EnlargeConfig(DecoderConfig):
    """Give a model that generates video larger pictures; it imagines and plans as before.

    Data has frames of at least that size. Cameras may stay as they are: of frames of the size
    before, the model makes what it made.

    Attributes:
        image_size: height and width of the pictures, pixels: 64 or 128.
        channels: of the tokenizer's layers that are added, for what is finer than before.
    """

    updates: int = 3000
    batch_size: int = 32
    image_size: int = 128
    channels: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < _FEWEST:
            raise UserError(f"channels is {self.channels}, expected at least {_FEWEST}")


def enlarge(config: EnlargeConfig) -> Path:
    """Fit a larger tokenizer, and return the folder of the model; see `fit_pictures`.

    Raises:
        UserError: a model that generates no video, or whose pictures are as large already; data
            whose pictures are smaller.
    """
    small = read_config(model_dir(config.model) / "config.yaml").network
    larger = _larger(small, config)

    def fit(before: LatentModel, store: EpisodeStore) -> LatentModel:
        if store.recorded_size < config.image_size:
            raise UserError(
                f"the data has frames of {store.recorded_size} pixels, and image_size is "
                f"{config.image_size}; give larger ones (`wm_planner collect --image-size "
                f"{config.image_size}`)"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            world_model = _rebuilt(before, larger)
        moments = prepare(before, store.resized(small.image_size))
        moments = moments._replace(frames=store.images)

        def drawn(generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
            return draw(before, moments, config.batch_size, config.horizon, generator)

        usual = usually(store, before.device)
        descend_pictures(world_model, world_model.decoder, drawn, usual, config, "decoder")
        return world_model

    return fit_pictures(config, "enlarged", fit, config.image_size)


def _larger(network: NetworkConfig, config: EnlargeConfig) -> VideoConfig:
    """The same networks with a tokenizer of more layers."""
    if not isinstance(network, VideoConfig):
        raise UserError(
            f"{config.model} generates no video, so its pictures cannot be enlarged; give a model "
            "of a family that does (docs/families.md)"
        )
    doublings = (config.image_size // network.image_size).bit_length() - 1
    if doublings < 1:
        raise UserError(
            f"image_size is {config.image_size}, and the pictures of {config.model} have "
            f"{network.image_size} pixels; give a larger size"
        )
    channels = (*[config.channels] * doublings, *network.channels)[: len(network.channels)]
    try:
        return replace(network, image_size=config.image_size, channels=channels)
    except ValueError as error:
        raise UserError(str(error)) from error


def _rebuilt(before: LatentModel, network: VideoConfig) -> VideoModel:
    """The model with a larger tokenizer that makes the same tokens."""
    made = family_of(network).build(network).to(before.device)
    assert isinstance(before, VideoModel) and isinstance(made, VideoModel)
    others = {k: v for k, v in before.state_dict().items() if not k.startswith("decoder.")}
    made.load_state_dict({**made.state_dict(), **others})
    made.tokenizer.begin_with(before.tokenizer)
    return made.eval().requires_grad_(False)
