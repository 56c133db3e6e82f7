"""What fitting a network that draws has in common, whichever it is: settings, run and loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wm_planner.errors import UserError
from wm_planner.learning.precision import autocast, check_precision, training_dtype
from wm_planner.learning.refit import Clock, check_sizes, descend, described, encode_all
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.processor import configure_torch
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss, usual_of
from wm_planner.world_models.store import channels_last, check_device, load_model, save_model

_STEEPEST = 1.0  # norm of a gradient; longer ones are cut
_LOOKED_AT = 512  # frames that say what a pixel usually shows


@dataclass(frozen=True)
class PictureConfig:
    """Fit what draws of a trained model; nothing else of the model changes.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        data: datasets to fit it to; default data/<task>.hdf5.
        out: model folder to write; default runs/<task>_<what is fitted>. The model's own is
            allowed.
        updates: gradient steps.
        batch_size: moments a step, each with the frames of all cameras.
        emphasis: how much more a pixel counts that shows something unusual; 0 for all alike.
        edges: weight of the error in the differences between neighbouring pixels.
        learning_rate: peak of Adam's, cosine to zero.
        seed: of what is drawn at random.
        device: cpu or cuda.
        threads: processor threads.
        precision: float32, bfloat16, or auto, the faster one on this machine.
    """

    model: str = "grasp"
    data: tuple[Path, ...] = ()
    out: Path | None = None
    updates: int = 6000
    batch_size: int = 64
    horizon: int = 3
    emphasis: float = 2.0
    edges: float = 0.5
    learning_rate: float = 1.5e-3
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_precision(self.precision)
        for name in ("updates", "batch_size", "horizon", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("emphasis", "edges"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}, expected above 0")


def fit_pictures(
    config: PictureConfig,
    part: str,
    fit: Callable[[LatentModel, EpisodeStore], LatentModel],
    image_size: int | None = None,
) -> Path:
    """Fit a part, so called in the provenance, and return the folder of the model that `fit` gives.

    Frames of the data are of the model's size, or of `image_size`.
    A run that was interrupted leaves nothing, and begins again.

    Raises:
        UserError: no such model or dataset, or data of another robot or other cameras.
    """
    check_device(config.device)
    configure_torch(config.threads)
    model = load_model(model_dir(config.model), config.device)
    datasets = list(config.data) or [Path("data") / f"{model.config.task}.hdf5"]
    network = model.config.network
    size = image_size or network.image_size
    store = EpisodeStore(datasets, model.config.cameras, size, network.discount)
    check_sizes(network, store, ("proprio", "actions"), "the robot the model was trained on")
    clock = Clock()
    fitted = fit(model.world_model, store)
    made = described(datasets, store, config.updates, config.seed, clock)
    if part in model.config.provenance:
        made["before"] = model.config.provenance[part]
    provenance = {**model.config.provenance, part: made}
    out = config.out or Path("runs") / f"{model.config.task}_{part}"
    save_model(out, fitted, replace(model.config, network=fitted.config, provenance=provenance))
    keep_look(model.directory, out)
    return out


class Moments(NamedTuple):
    """What a network that draws learns from: T moments one after another."""

    frames: Tensor  # (T, V, C, h, w) uint8
    latents: Tensor  # (T, D), encoded
    actions: Tensor  # (T, A) that were taken there
    since: Tensor  # (T,) steps since the first moment of the episode
    left: Tensor  # (T,) steps until its last moment


@torch.no_grad()
def prepare(world_model: LatentModel, store: EpisodeStore) -> Moments:
    """Encode all frames."""
    first, last = (
        torch.from_numpy(np.repeat(of_episodes, store.ends - store.starts))
        for of_episodes in (store.starts, store.ends - 1)
    )
    now = torch.arange(store.steps)
    latents, actions = encode_all(world_model, store), store.actions.to(world_model.device)
    return Moments(store.images, latents, actions, now - first, last - now)


def foreseen(world_model: LatentModel, moments: Moments, first: Tensor, ahead: Tensor) -> Tensor:
    """Latents (B, D), imagined `ahead` (B,) steps on from the moments `first` (B,)."""
    imagined = moments.latents[first]
    for k in range(int(ahead.max())):
        goes_on = (ahead > k).nonzero()[:, 0]
        z = world_model.step(imagined[goes_on], moments.actions[first[goes_on] + k])
        imagined = imagined.index_copy(0, goes_on.to(z.device), z)
    return imagined


def usually(store: EpisodeStore, device: torch.device) -> Usual:
    """What the pixels of its frames show as a rule."""
    few = store.images[:: max(1, store.steps // _LOOKED_AT)]
    return usual_of(as_decoded(few.to(device)))


def descend_pictures(
    world_model: LatentModel,
    network: nn.Module,
    draw: Callable[[torch.Generator], tuple[tuple[Tensor, ...], Tensor]],
    usual: Usual,
    config: PictureConfig,
    label: str,
) -> None:
    """Take `config.updates` steps on a network of the model, in the precision that is asked for.

    What is drawn is what the network takes, and the frames (B, V * C, h, w) that it is to show.
    """
    network.train().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    device = world_model.device
    dtype = training_dtype(config.precision, device)

    def loss() -> Tensor:
        given, wanted = draw(generator)
        with autocast(dtype, device):
            shown = network(*given)
        return decoder_loss(shown.float(), wanted, usual, config.emphasis, config.edges)

    descend(optimizer, loss, config.updates, _STEEPEST, label)
    world_model.eval().requires_grad_(False)
    channels_last(world_model)
