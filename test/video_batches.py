"""Small observations and sequences of noise, for families that generate video."""

from __future__ import annotations

import torch

from wm_planner.types import Observation
from wm_planner.world_models.batch import Batch

B, T = 3, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def observation(seed: int = 1) -> Observation:
    drawn = generator(seed)
    images = torch.randint(256, (B, 2, 3, 32, 32), generator=drawn, dtype=torch.uint8)
    return Observation(images, torch.randn(B, 8, generator=drawn))


def sequences() -> Batch:
    drawn = generator(2)
    images = torch.randint(256, (B, T + 1, 2, 3, 32, 32), generator=drawn, dtype=torch.uint8)
    return Batch(
        images=images,
        proprio=torch.randn(B, T + 1, 8, generator=drawn),
        actions=torch.rand(B, T, 4, generator=drawn) * 2 - 1,
        rewards=torch.rand(B, T, generator=drawn),
        returns=torch.rand(B, T + 1, generator=drawn),
        labels=torch.full((B, T, 4), torch.nan),
        landmarks=torch.randn(B, T + 1, 4, generator=drawn),
        success=torch.zeros(B, T),
    )
