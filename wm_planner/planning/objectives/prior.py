"""Near what the learned action prior would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.planning.objectives.checks import check_weight
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class PriorPenalty:
    """Minus weight x squared distance from the action prior, in the prior's standard deviations.

    The distance ((a - mean) / std)^2 is summed over action dimensions, switches included, and
    averaged over the horizon. An unsure prior (large std) so constrains little, a sure one keeps
    the plan near it. Without a prior the score is zero.
    """

    weight: float = 0.01
    """Return given up for one squared standard deviation; at least 0."""

    min_std: float = 0.1
    """Floor of the prior's standard deviation, in action units; above 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if not self.min_std > 0:
            raise ValueError(
                f"min_std is {self.min_std}, expected above 0: a sure prior would divide by zero"
            )

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        if prior is None:
            return torch.zeros_like(rollout.terminal_value)
        std = prior.std.clamp(min=self.min_std)  # (B, H, A)
        distance = (rollout.actions - prior.mean[:, None]) / std[:, None]  # (B, N, H, A)
        return distance.square().sum((-2, -1)) * (-self.weight / distance.shape[2])
