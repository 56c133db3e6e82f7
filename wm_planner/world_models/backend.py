"""Which code imagines, and in which precision: as asked for, or as is fastest on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import torch

from wm_planner.fastest import Fastest, Unavailable, fastest
from wm_planner.interfaces import WorldModel
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.replays import Replays

_CANDIDATES, _HORIZON = 128, 3  # imagined to measure how fast a backend is
_log = logging.getLogger(__name__)


def with_backend(model: LatentModel, backend: str) -> WorldModel:
    """`model`, imagining by one of BACKENDS; where that cannot be had, as it is, with a warning."""
    if backend == "auto" and model.device.type == "cpu" and family_of(model.config).faster is None:
        return model
    if backend == "auto":
        found = measure_backends(model)
        compiled = "float32" not in found.unavailable  # no compiler, or sizes that do not suit
        _log.log(logging.INFO if compiled else logging.WARNING, "imagining by %s", found)
        backend = found.name
    try:
        return _made(model, backend)
    except Unavailable as error:
        _log.warning("imagining with plain PyTorch, which may be slower: %s", error)
        return model


def measure_backends(model: LatentModel) -> Fastest:
    """Which of BACKENDS but auto imagines fastest here, on the device the model lies on."""
    device = model.device.type
    c = model.config
    names: tuple[str, ...] = ("float32", "bfloat16", "eager")
    family = family_of(c)
    if device == "cpu" and family.faster is None:
        names = ("eager",)
    sizes = f"latent {model.latent_size}, hidden {c.hidden_size}, {c.value_members} values of "
    return fastest(
        f"imagining {_CANDIDATES} x {_HORIZON} steps, {family.name}, {sizes}{c.bins}",
        {name: partial(_imagining, model, name) for name in names},
        device,
    )


def _made(model: LatentModel, backend: str) -> WorldModel:
    if backend == "eager":
        return model
    if model.device.type == "cuda":
        if backend != "float32":
            raise Unavailable("on a GPU launches take the time, not products: take float32")
        return model.run_by(Replays())
    family = family_of(model.config)
    if family.faster is None:
        raise Unavailable(f"{family.name} has no faster code than PyTorch's")
    return family.faster(model, getattr(torch, backend))


def _imagining(model: LatentModel, backend: str) -> Callable[[], object]:
    world_model = _made(model, backend)
    latent = model.example()
    size = (1, _CANDIDATES, _HORIZON, model.config.action_size)
    actions = torch.zeros(size, device=model.device)

    def imagine() -> object:
        with torch.inference_mode():
            return world_model.rollout(latent, actions)

    return imagine
