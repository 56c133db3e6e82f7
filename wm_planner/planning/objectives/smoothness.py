"""Actions that change little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.planning.objectives.checks import check_weight
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class ActionSmoothness:
    """Minus weight x squared change of action between steps, summed over A, averaged over H - 1."""

    weight: float = 0.01
    """Return given up for one squared unit of change; at least 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N); zero for a single step."""
        if rollout.actions.shape[2] == 1:
            return torch.zeros_like(rollout.terminal_value)
        return -self.weight * rollout.actions.diff(dim=2).square().sum(-1).mean(-1)
