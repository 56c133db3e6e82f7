"""The cross-entropy method: every elite counts the same."""

from __future__ import annotations

from typing import final

from torch import Tensor

from wm_planner.interfaces import Objective, WorldModel
from wm_planner.noise import Generators
from wm_planner.planning.deadline import Pace
from wm_planner.planning.search import EliteSearch
from wm_planner.planning.search_config import SearchConfig
from wm_planner.types import UNKNOWN, ActionSpace, Latent, Plan, Situation

_DEFAULT = SearchConfig()


@final
class CEM:
    """Refits to the elites, all weighted alike.

    Rubinstein 1999, with the elites kept from one iteration to the next of iCEM (Pinneri 2020,
    arXiv:2008.06389).
    """

    def __init__(
        self,
        world_model: WorldModel,
        objective: Objective,
        action_space: ActionSpace,
        config: SearchConfig = _DEFAULT,
        pace: Pace | None = None,
    ) -> None:
        self._search = EliteSearch(
            world_model, objective, action_space, config, uniform_weights, pace or Pace()
        )

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Best sequence found, see EliteSearch.plan."""
        return self._search.plan(latent, warm_start, generator, situation)


def uniform_weights(scores: Tensor) -> Tensor:
    """Weights (B, K) for `scores` (B, K); -inf weighs nothing."""
    finite = scores.isfinite().to(scores.dtype)
    return finite / finite.sum(1, keepdim=True)
