"""Several objectives as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from wm_planner.interfaces import Objective
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class Sum:
    """Several objectives added up; each brings its own weight."""

    terms: tuple[Objective, ...]
    """The objectives to add, at least one."""

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("terms is empty, expected at least one objective: add LearnedReturn()")

    @property
    def needs_latents(self) -> bool:
        return any(term.needs_latents for term in self.terms)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        first, *others = self.terms
        score = first.score(rollout, prior, situation)
        for term in others:
            score = score + term.score(rollout, prior, situation)
        return score
