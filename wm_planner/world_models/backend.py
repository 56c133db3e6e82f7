"""Which code imagines, and in which precision: as asked for, or as is fastest on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import torch

from wm_planner.fastest import Fastest, Unavailable, fastest
from wm_planner.interfaces import WorldModel
from wm_planner.types import Latent
from wm_planner.world_models.graphed import GraphedTDLatent
from wm_planner.world_models.layers import SimNorm
from wm_planner.world_models.native import NativeTDLatent
from wm_planner.world_models.td_latent import TDLatent

_CANDIDATES, _HORIZON = 128, 3  # imagined to measure how fast a backend is
_log = logging.getLogger(__name__)


def with_backend(model: TDLatent, backend: str) -> WorldModel:
    """`model`, imagining by one of BACKENDS; where that cannot be had, as it is, with a warning."""
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


def measure_backends(model: TDLatent) -> Fastest:
    """Which of BACKENDS but auto imagines fastest here, on the device the model lies on."""
    device = model.is_switch.device.type
    c = model.config
    # torch.compile is not measured on a GPU: it takes minutes; there products decide.
    names = ("float32", "bfloat16", "eager") if device == "cpu" else ("float32", "bfloat16")
    way = _imagining if device == "cpu" else _products
    sizes = f"latent {c.latent_size}, hidden {c.hidden_size}, {c.value_members} values of {c.bins}"
    return fastest(
        f"imagining {_CANDIDATES} x {_HORIZON} steps, {sizes}",
        {name: partial(way, model, name) for name in names},
        device,
    )


def _made(model: TDLatent, backend: str) -> WorldModel:
    if backend == "eager":
        return model
    kind = GraphedTDLatent if model.is_switch.device.type == "cuda" else NativeTDLatent
    return kind(model, getattr(torch, backend))


def _imagining(model: TDLatent, backend: str) -> Callable[[], object]:
    world_model = _made(model, backend)
    generator = torch.Generator().manual_seed(0)
    latent = Latent(SimNorm()(torch.randn(1, model.config.latent_size, generator=generator)))
    actions = torch.zeros(1, _CANDIDATES, _HORIZON, model.config.action_size)

    def imagine() -> object:
        with torch.inference_mode():
            return world_model.rollout(latent, actions)

    return imagine


def _products(model: TDLatent, backend: str) -> Callable[[], object]:
    size = max(512, model.config.hidden_size)
    x = torch.ones(size, size, dtype=getattr(torch, backend), device=model.is_switch.device)
    return lambda: x @ x
