"""A tiny model of every family: what holds for all of them is tested on these."""

from __future__ import annotations

from typing import Any

import torch

from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.family import LossConfig
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig

_COMMON: dict[str, Any] = {
    "image_size": 32, "hidden_size": 24, "value_members": 3, "channels": (4, 4, 8, 8)
}  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    "flow": {"latent_channels": 4, "width": 16, "heads": 2, "read_layers": 1, "layers": 1},
    "jepa": {"features": 12, "predictor_size": 24, "subgoal_steps": 4},
    "rssm": {"bins": 5, "memory_size": 16, "groups": 3, "classes": 4, "dynamics_size": 16},
    "td_latent": {"latent_size": 32},
    "tokens": {
        "latent_channels": 3,
        "levels": 4,
        "width": 16,
        "heads": 2,
        "read_layers": 1,
        "layers": 1,
    },
}


def tiny_config(family: str, **changes: Any) -> NetworkConfig:
    return FAMILIES[family].config(**{**_COMMON, **_OWN[family], **changes})


def whole_losses(family: str) -> LossConfig:
    """By which all of a model learns from the first update on."""
    begun: dict[str, Any] = {"tokenizer_updates": 0}
    first: dict[str, dict[str, Any]] = {"flow": begun, "tokens": begun}
    return FAMILIES[family].loss_config(**first.get(family, {}))


def tiny(family: str, seed: int = 0, **changes: Any) -> LatentModel:
    """With random weights."""
    torch.manual_seed(seed)
    model = FAMILIES[family].build(tiny_config(family, **changes))
    return model.eval().requires_grad_(False)
