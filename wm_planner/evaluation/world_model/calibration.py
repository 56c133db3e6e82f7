"""Calibration: where the value ensemble disagrees, is the model then wrong?"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.futures import Futures
from wm_planner.evaluation.world_model.ranks import rank_correlation


class Calibration(NamedTuple):
    """Disagreement beside error, over windows and steps."""

    steps: int  # imagined
    correlation: float  # rank correlation of disagreement and the latent's error
    reward_correlation: float  # and of disagreement and the absolute error of the reward
    disagreement: Tensor  # (Q,) mean of each bin, rising
    error: Tensor  # (Q,) mean error of the latent in that bin
    points: int


def calibration(futures: Futures, steps: int, bins: int = 10) -> Calibration:
    """After `steps` imagined steps, in bins of equally many windows.

    NaN, and no bins, of a model that knows no value and so never disagrees.
    """
    if not 1 <= steps <= futures.disagreement.shape[1]:
        raise ValueError(f"steps is {steps}, expected 1 to {futures.disagreement.shape[1]}")
    disagreement = futures.disagreement[:, steps - 1]  # (W,)
    if futures.disagreement.isnan().all():
        nothing = disagreement[:0]
        return Calibration(steps, math.nan, math.nan, nothing, nothing, len(disagreement))
    if not disagreement.isfinite().all():
        raise ValueError(f"disagreement was not asked after {steps} steps: see imagine_windows")
    error = futures.errors[:, steps - 1]
    reward_error = (futures.imagined_rewards - futures.rewards).abs()[:, steps - 1]
    order = disagreement.argsort()
    groups = [group for group in order.tensor_split(bins) if len(group)]
    return Calibration(
        steps,
        rank_correlation(disagreement, error),
        rank_correlation(disagreement, reward_error),
        torch.stack([disagreement[group].mean() for group in groups]),
        torch.stack([error[group].mean() for group in groups]),
        len(disagreement),
    )
