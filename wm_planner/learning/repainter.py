"""Fit a network to a trained model that paints what it imagines over what was seen last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.learning.precision import autocast, check_precision, training_dtype
from wm_planner.learning.refit import Clock, check_sizes, descend, described, encode_all
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss, usual_of
from wm_planner.world_models.store import channels_last, check_device, load_model, save_model

_STEEPEST = 1.0  # norm of a gradient; longer ones are cut
_LOOKED_AT = 512  # frames that say what a pixel usually shows


@dataclass(frozen=True)
class RepainterConfig:
    """Fit to a trained model what paints its futures over the frames seen last: sharper pictures.

    Nothing else of the model changes. As a decoder, it shows the scene that it is fitted to: give
    data of one light and of cameras that stay where they are (config/collect/nominal.yaml).

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        data: datasets to fit it to; default data/<task>.hdf5.
        out: model folder to write; default runs/<task>_repainter. The model's own is allowed.
        updates: gradient steps.
        batch_size: moments a step, each with the frames of all cameras.
        horizon: they are imagined up to so many steps ahead, mostly few.
        emphasis: how much more a pixel counts that shows something unusual; 0 for all alike.
        edges: weight of the error in the differences between neighbouring pixels.
        learning_rate: peak of Adam's, cosine to zero.
        seed: of weights and batches.
        device: cpu or cuda.
        threads: processor threads.
        precision: float32, bfloat16, or auto, the faster one on this machine.
    """

    model: str = "grasp"
    data: tuple[Path, ...] = ()
    out: Path | None = None
    updates: int = 4000
    batch_size: int = 64
    horizon: int = 40
    emphasis: float = 2.0
    edges: float = 0.5
    learning_rate: float = 2e-3
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


class Moments(NamedTuple):
    """What it learns from: T moments one after another."""

    frames: Tensor  # (T, V, C, h, w) uint8
    latents: Tensor  # (T, D), encoded
    actions: Tensor  # (T, A) that were taken there
    left: Tensor  # (T,) steps until the last moment of the episode
    usual: Usual


class Pair(NamedTuple):
    """Moments that were seen, and what came of them."""

    imagined: Tensor  # (B, D)
    before: Tensor  # (B, D)
    seen: Tensor  # (B, V * C, h, w) in [-0.5, 0.5]
    wanted: Tensor  # (B, V * C, h, w)


def fit_repainter(config: RepainterConfig) -> Path:
    """Fit it, at random at first, and return the folder of the model that has it.

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
    world_model = _with_repainter(model.world_model, config.seed)
    optimise(world_model, prepare(world_model, store, device), config)
    fitted = described(datasets, store, config.updates, config.seed, clock)
    provenance = {**model.config.provenance, "repainter": fitted}
    out = config.out or Path("runs") / f"{model.config.task}_repainter"
    save_model(
        out, world_model, replace(model.config, network=world_model.config, provenance=provenance)
    )
    keep_look(model.directory, out)
    return out


def _with_repainter(model: LatentModel, seed: int) -> LatentModel:
    """The same model with a fresh one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = replace(model.config, repaint=True)
        made = family_of(network).build(network).to(model.device)
    fresh = made.state_dict()
    made.load_state_dict({name: model.state_dict().get(name, fresh[name]) for name in fresh})
    channels_last(made)
    return made.eval().requires_grad_(False)


@torch.no_grad()
def prepare(world_model: LatentModel, store: EpisodeStore, device: torch.device) -> Moments:
    """Encode all frames."""
    few = as_decoded(store.images[:: max(1, store.steps // _LOOKED_AT)].to(device))
    last = torch.from_numpy(np.repeat(store.ends - 1, store.ends - store.starts))
    return Moments(
        store.images,
        encode_all(world_model, store),
        store.actions.to(device),
        last - torch.arange(store.steps),
        usual_of(few),
    )


def optimise(world_model: LatentModel, moments: Moments, config: RepainterConfig) -> None:
    """Take `config.updates` steps on `world_model.repainter`, in the precision asked for."""
    assert world_model.repainter is not None
    repainter = world_model.repainter.train().requires_grad_(True)
    optimizer = torch.optim.Adam(repainter.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    device = moments.latents.device
    dtype = training_dtype(config.precision, device)

    def loss() -> Tensor:
        pair = draw(world_model, moments, config.batch_size, config.horizon, generator)
        with autocast(dtype, device):
            painted = repainter(pair.imagined, pair.before, pair.seen)
        usual, emphasis, edges = moments.usual, config.emphasis, config.edges
        return decoder_loss(painted.float(), pair.wanted, usual, emphasis, edges)

    descend(optimizer, loss, config.updates, _STEEPEST, "repainter")
    world_model.eval().requires_grad_(False)
    channels_last(world_model)


@torch.no_grad()
def draw(
    world_model: LatentModel,
    moments: Moments,
    size: int,
    horizon: int,
    generator: torch.Generator,
) -> Pair:
    """Moments at random, each imagined up to `horizon` steps ahead as far as its episode goes."""
    seen = torch.randint(len(moments.frames), (size,), generator=generator)
    ahead = (horizon + 1) * torch.rand(size, generator=generator).square()  # mostly few
    ahead = torch.minimum(ahead.long(), moments.left[seen])
    before = imagined = moments.latents[seen]
    for k in range(int(ahead.max())):
        goes_on = (ahead > k).nonzero()[:, 0]
        z = world_model.step(imagined[goes_on], moments.actions[seen[goes_on] + k])
        imagined = imagined.index_copy(0, goes_on.to(z.device), z)
    seen_frames, wanted = (
        as_decoded(moments.frames[at].to(before.device)) for at in (seen, seen + ahead)
    )
    return Pair(imagined, before, seen_frames, wanted)
