"""What the model is unsure of, wanted: to be gone and seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from wm_planner.planning.objectives.checks import check_discount, check_weight
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class Curiosity:
    """Weight x discount^H x disagreement of the value ensemble after the last step.

    Where those who learned from the same data differ, there was little of it (Plan2Explore,
    arXiv:2005.05960, there of predicted features). The opposite of UncertaintyPenalty.
    """

    weight: float = 1.0
    """Return given up for one standard deviation of disagreement; at least 0."""

    discount: float = 0.97
    """Worth of a reward one step later, in (0, 1]; the same as the return's."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)
        check_discount(self.discount)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        return self.weight * self.discount ** rollout.rewards.shape[-1] * rollout.disagreement
