"""Planning on two levels: a slower one says what to see next, a faster one acts towards it.

Hierarchical planning in latent space, as proposed for joint-embedding predictors (LeCun 2022, A
path towards autonomous machine intelligence, section 4.6) and shown by HIQL (arXiv:2307.11949).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from wm_planner.interfaces import Planner, ProposesSubgoals
from wm_planner.noise import Generators
from wm_planner.types import UNKNOWN, Latent, Plan, Situation


@final
@dataclass(frozen=True)
class TowardsSubgoals:
    """Plans to what the slower level proposes, anew at every plan; near goals are their own."""

    slower: ProposesSubgoals
    faster: Planner

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """The faster level's plan; without a goal there is no subgoal."""
        if situation.goal is not None:
            next_goal = self.slower.subgoal(latent, situation.goal)
            situation = situation._replace(goal=next_goal)
        return self.faster.plan(latent, warm_start, generator, situation)
