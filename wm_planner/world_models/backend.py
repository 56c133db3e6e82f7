"""Which code imagines: PyTorch as the model is written, or compiled for this machine."""

from __future__ import annotations

import logging

import torch

from wm_planner.interfaces import WorldModel
from wm_planner.world_models.graphed import GraphedTDLatent
from wm_planner.world_models.library import LibraryError
from wm_planner.world_models.native import NativeTDLatent
from wm_planner.world_models.td_latent import TDLatent

_log = logging.getLogger(__name__)


def with_backend(model: TDLatent, backend: str) -> WorldModel:
    """`model`, imagining by one of BACKENDS; where that cannot be had, as it is, with a warning."""
    on_gpu = model.is_switch.device.type == "cuda"
    if backend == "auto":
        backend = "bfloat16" if on_gpu or _has_bfloat16() else "float32"
    if backend == "eager":
        return model
    dtype = getattr(torch, backend)
    try:
        return GraphedTDLatent(model, dtype) if on_gpu else NativeTDLatent(model, dtype)
    except LibraryError as error:
        _log.warning("imagining with plain PyTorch, several times slower: %s", error)
        return model


def _has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))
