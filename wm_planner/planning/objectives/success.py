"""A task that is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import Tensor

from wm_planner.planning.objectives.checks import check_discount, check_weight
from wm_planner.planning.objectives.latents import latents_of
from wm_planner.planning.objectives.learned_return import discounts
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class Success:
    """Weight x the largest probability, at any step of the rollout, that the task is done by it.

    Later steps count less, by the discount: sooner is better.
    """

    probability: Callable[[Tensor], Tensor]
    """Of latents (..., D) that their task is done, (...) in [0, 1]."""

    weight: float = 1.0
    """Return that a success for sure is worth; at least 0."""

    discount: float = 0.97
    """Worth of a success one step later, in (0, 1]."""

    needs_latents = True

    def __post_init__(self) -> None:
        check_weight(self.weight)
        check_discount(self.discount)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        probability = self.probability(latents_of(rollout, "success")).float()  # (B, N, H)
        horizon = probability.shape[-1]
        return self.weight * (
            probability * discounts(self.discount, horizon, probability.device)
        ).amax(-1)
