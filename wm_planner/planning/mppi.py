"""Model predictive path integral control: elites count by the exponential of their score."""

from __future__ import annotations

from functools import partial
from typing import final

import torch
from torch import Tensor

from wm_planner.interfaces import Objective, WorldModel
from wm_planner.noise import Generators
from wm_planner.planning.deadline import Pace
from wm_planner.planning.search import EliteSearch
from wm_planner.planning.search_config import SearchConfig
from wm_planner.types import UNKNOWN, ActionSpace, Latent, Plan, Situation

_DEFAULT = SearchConfig()


@final
class MPPI:
    """Refits to the elites weighted by exp(score / (temperature x std of the elites' scores)).

    Williams 2017 (Information theoretic MPC) with the elites and the action prior of TD-MPC2
    (Hansen 2024, arXiv:2310.16828). There the temperature is absolute; here it is relative to the
    elites' spread, so that it means the same whatever the scale of the reward.
    """

    def __init__(
        self,
        world_model: WorldModel,
        objective: Objective,
        action_space: ActionSpace,
        config: SearchConfig = _DEFAULT,
        temperature: float = 0.5,
        pace: Pace | None = None,
    ) -> None:
        check_temperature(temperature)
        weigh = partial(softmax_weights, temperature=temperature)
        self._search = EliteSearch(
            world_model, objective, action_space, config, weigh, pace or Pace()
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


def softmax_weights(scores: Tensor, temperature: float) -> Tensor:
    """Weights (B, K) for `scores` (B, K), best first; -inf weighs nothing."""
    finite = scores.isfinite()
    below_best = torch.where(finite, scores - scores[:, :1], 0.0)  # (B, K), at most 0
    count = finite.sum(1, keepdim=True)  # (B, 1)
    centred = torch.where(finite, below_best - below_best.sum(1, keepdim=True) / count, 0.0)
    spread = (centred.square().sum(1, keepdim=True) / count).sqrt()  # (B, 1)
    tiny = torch.finfo(scores.dtype).tiny
    logits = below_best / (temperature * spread).clamp(min=tiny)
    return logits.masked_fill(~finite, -torch.inf).softmax(1)


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless `temperature` is usable."""
    if not 0 < temperature < float("inf"):
        raise ValueError(
            f"temperature is {temperature}, expected finite and above 0: try 0.5; small takes the "
            "best elite alone, large weighs all alike, as CEM does"
        )
