"""Fit a trained model's decoder anew, on latents that stay as they are.

While a world model trains, its decoder chases latents that move, and is to show what they rightly
forget: light, colours and cameras drawn at random, frames shifted by more than a small thing
measures. Fitted at the end to the scene as it is (config/collect/nominal.yaml), it shows that one.
Nothing changes but `decoder.*`: what the model encodes, imagines and plans is the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.learning.precision import autocast, check_precision, training_dtype
from wm_planner.learning.refit import Clock, check_sizes, descend, described, encode_all
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss, usual_of
from wm_planner.world_models.store import channels_last, check_device, load_model, save_model

_STEEPEST = 1.0  # norm of a gradient; longer ones are cut
_LOOKED_AT = 512  # frames that say what a pixel usually shows


@dataclass(frozen=True)
class DecoderConfig:
    """Fit the decoder of a trained model anew; nothing else of the model changes.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        data: datasets to fit it to; default data/<task>.hdf5.
        out: model folder to write; default runs/<task>_decoder. The model's own is allowed.
        updates: gradient steps.
        batch_size: moments a step, each with the frames of all cameras.
        horizon: half of the latents are encoded, the others imagined up to so many steps ahead.
        emphasis: how much more a pixel counts that shows something unusual; 0 for all alike.
        edges: weight of the error in the differences between neighbouring pixels.
        learning_rate: peak of Adam's, cosine to zero.
        seed: of the batches.
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
        for name, least in (("emphasis", 0), ("edges", 0)):
            if not getattr(self, name) >= least:
                raise UserError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}, expected above 0")


class Examples(NamedTuple):
    """What a decoder learns from: T moments one after another."""

    frames: Tensor  # (T, V, C, h, w) uint8
    latents: Tensor  # (K + 1, T, D): encoded, and imagined from up to K steps before
    usual: Usual


def fit_decoder(config: DecoderConfig) -> Path:
    """Fit it, from the weights it has, and return the folder of the model with the new decoder.

    A run that was interrupted leaves nothing, and begins again.

    Raises:
        UserError: no such model or dataset, or data of another robot or other cameras.
    """
    device = check_device(config.device)
    torch.set_flush_denormal(True)
    torch.set_num_threads(config.threads)
    model = load_model(model_dir(config.model), config.device)
    datasets = list(config.data) or [Path("data") / f"{model.config.task}.hdf5"]
    network = model.config.network
    store = EpisodeStore(datasets, model.config.cameras, network.image_size, network.discount)
    check_sizes(network, store, ("proprio", "actions"), "the robot the model was trained on")
    clock = Clock()
    examples = prepare(model.world_model, store, config.horizon, device)
    optimise(model.world_model, examples, config)
    fitted = described(datasets, store, config.updates, config.seed, clock)
    if "decoder" in model.config.provenance:
        fitted["before"] = model.config.provenance["decoder"]
    provenance = {**model.config.provenance, "decoder": fitted}
    out = config.out or Path("runs") / f"{model.config.task}_decoder"
    save_model(out, model.world_model, replace(model.config, provenance=provenance))
    keep_look(model.directory, out)
    return out


@torch.no_grad()
def prepare(
    world_model: LatentModel, store: EpisodeStore, horizon: int, device: torch.device
) -> Examples:
    """Encode all frames, and imagine each moment from up to `horizon` steps before it.

    Where an episode is younger than that, the imagination begins with the episode.
    """
    latents = [encode_all(world_model, store)]
    begins = torch.zeros(store.steps, dtype=torch.bool)
    begins[torch.from_numpy(store.starts)] = True
    taken = store.actions.to(device)
    for _ in range(horizon):
        later = world_model.step(latents[-1], taken).roll(1, dims=0)  # (T, D)
        latents.append(torch.where(begins.to(device)[:, None], latents[0], later))
    few = as_decoded(store.images[:: max(1, store.steps // _LOOKED_AT)].to(device))
    return Examples(store.images, torch.stack(latents), usual_of(few))


def optimise(world_model: LatentModel, examples: Examples, config: DecoderConfig) -> None:
    """Take `config.updates` steps on `world_model.decoder`, in the precision that is asked for."""
    decoder = world_model.decoder.train().requires_grad_(True)
    optimizer = torch.optim.Adam(decoder.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    device = examples.latents.device
    dtype = training_dtype(config.precision, device)

    def loss() -> Tensor:
        z, frames = _draw(examples, config.batch_size, generator)
        with autocast(dtype, device):
            decoded = decoder(z)
        wanted = as_decoded(frames.to(device))
        return decoder_loss(decoded.float(), wanted, examples.usual, config.emphasis, config.edges)

    descend(optimizer, loss, config.updates, _STEEPEST, "decoder")
    world_model.eval().requires_grad_(False)
    channels_last(world_model)


def _draw(examples: Examples, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Latents (B, D), half of them encoded, and the frames (B, V, C, h, w) of their moments."""
    moments = torch.randint(len(examples.frames), (size,), generator=generator)
    ahead = torch.randint(1, len(examples.latents), (size,), generator=generator)
    ahead[: (size + 1) // 2] = 0
    return examples.latents[ahead, moments], examples.frames[moments]
