"""A tiny world model with random weights."""

from __future__ import annotations

import pytest
import torch

from wm_planner.types import Observation
from wm_planner.world_models.store import ModelConfig
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

TINY = TDLatentConfig(
    cameras=2,
    image_size=32,
    proprio_size=8,
    latent_size=32,
    hidden_size=24,
    value_members=3,
    channels=(4, 4, 8, 8),
)


@pytest.fixture
def model() -> TDLatent:
    torch.manual_seed(0)
    return TDLatent(TINY).eval().requires_grad_(False)


@pytest.fixture
def config() -> ModelConfig:
    return ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, TINY, {"data": ["toy.hdf5"]})


@pytest.fixture
def observation() -> Observation:
    """Three different ones."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (3, 2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return Observation(images, torch.randn(3, 8, generator=generator))
