"""Near what the learned action prior would do, or what a policy elsewhere suggests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.planning.objectives.checks import check_weight
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class PriorPenalty:
    """Minus weight x squared distance from the action prior, in the prior's standard deviations.

    The distance ((a - mean) / std)^2 is summed over action dimensions, switches included, and
    averaged over the horizon. An unsure prior (large std) so constrains little, a sure one keeps
    the plan near it. Of a prior and a suggestion the nearer one counts; without either the score is
    zero.
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
        batch, _, horizon, size = rollout.actions.shape
        distances = []
        if prior is not None:
            distances.append(self._distance(rollout.actions, prior.mean, prior.std))
        if (told := situation.suggestion) is not None:
            mean = fit_warm_start(told.actions, (batch, horizon, size))
            std = torch.full_like(mean, told.std)
            distances.append(self._distance(rollout.actions, mean, std))
        if not distances:
            return torch.zeros_like(rollout.terminal_value)
        nearest = distances[0] if len(distances) == 1 else torch.minimum(*distances)
        return nearest * (-self.weight / horizon)

    def _distance(self, actions: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """(B, N) of actions (B, N, H, A) to a mean (B, H, A), squared and summed."""
        scaled = (actions - mean[:, None]) / std.clamp(min=self.min_std)[:, None]
        return scaled.square().sum((-2, -1))
