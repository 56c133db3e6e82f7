"""The last plan as a first guess for the next one."""

from __future__ import annotations

import torch
from torch import Tensor


def shift(actions: Tensor) -> Tensor:
    """`actions` (B, H, A) one step later: the first step is dropped, the last one repeated."""
    return torch.cat([actions[:, 1:], actions[:, -1:]], dim=1)


def check_warm_start(warm_start: Tensor, shape: tuple[int, int, int]) -> None:
    """Raise ValueError unless `warm_start` has `shape` (B, H, A)."""
    if tuple(warm_start.shape) != shape:
        raise ValueError(
            f"warm_start has shape {tuple(warm_start.shape)}, expected (B, H, A) = {shape}: "
            "pass shift(plan.actions) of this planner's last plan, or None"
        )
