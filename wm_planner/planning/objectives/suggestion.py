"""Near what a policy elsewhere suggests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.planning.objectives.checks import check_weight
from wm_planner.planning.objectives.prior import PriorPenalty
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class SuggestionPenalty:
    """What PriorPenalty is for the action prior, for a suggestion; without one the score is zero.

    Unweighted, a suggestion is worth what the model says it leads to. Weighted, it is trusted more
    than that.
    """

    weight: float = 0.5
    """Return given up for one squared standard deviation from it; at least 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        if (told := situation.suggestion) is None:
            return torch.zeros_like(rollout.terminal_value)
        batch, _, horizon, size = rollout.actions.shape
        mean = fit_warm_start(told.actions, (batch, horizon, size))
        around = Proposal(mean[:, None], mean, torch.full_like(mean, told.std))
        return PriorPenalty(self.weight).score(rollout, around, situation)
