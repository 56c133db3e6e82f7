"""The last plan as a first guess for the next one."""

from __future__ import annotations

import torch
from torch import Tensor


def shift(actions: Tensor) -> Tensor:
    """`actions` (B, H, A) one step later: the first step is dropped, the last one repeated."""
    return torch.cat([actions[:, 1:], actions[:, -1:]], dim=1)


def fit_warm_start(warm_start: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """`warm_start` (B, any H, A) cut, or its last step repeated, to `shape` (B, H, A).

    Raises ValueError when batch or actions differ.
    """
    batch, horizon, size = shape
    if warm_start.ndim != 3 or (warm_start.shape[0], warm_start.shape[2]) != (batch, size):
        raise ValueError(
            f"warm_start has shape {tuple(warm_start.shape)}, expected (B, H, A) = {shape}: "
            "pass shift(plan.actions) of the last plan, or None"
        )
    missing = horizon - warm_start.shape[1]
    return torch.cat([warm_start[:, :horizon], *[warm_start[:, -1:]] * missing], dim=1)
