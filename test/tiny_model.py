"""A model with random weights, small enough to build in no time, and frames for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import LoadedModel, ModelConfig
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

TINY = TDLatentConfig(
    image_size=32, latent_size=32, hidden_size=24, value_members=2, channels=(4, 4, 8, 8)
)
CONFIG = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, TINY)
SEARCH = PlannerConfig(samples=16, prior_samples=4, iterations=2, elites=4, horizon=3)


def tiny_model() -> LoadedModel:
    torch.manual_seed(0)
    world_model = TDLatent(TINY).eval().requires_grad_(False)
    return LoadedModel(world_model, CONFIG, "0" * 64, Path("nowhere"))


def frames(step: int) -> dict[str, np.ndarray]:
    """Frames (48, 64, 3) uint8 RGB by camera, other ones for every step."""
    rng = np.random.default_rng(step)
    return {name: rng.integers(0, 256, (48, 64, 3), np.uint8) for name in ("front", "wrist")}
