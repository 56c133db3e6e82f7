"""Plans of parts of a batch, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import Plan, PlanStatistics


class Part(NamedTuple):
    """A plan for some elements of a batch."""

    rows: list[int]
    plan: Plan


def join(parts: Sequence[Part], batch: int, action_size: int, device: torch.device) -> Plan:
    """The plan of a whole batch: an element that is in no part failed.

    Where horizons differ, shorter plans repeat their last action, and there are no candidates.
    """
    if len(parts) == 1 and len(parts[0].rows) == batch:
        return parts[0].plan
    horizon = max((part.plan.actions.shape[1] for part in parts), default=1)
    nothing = torch.full((batch, horizon, action_size), torch.nan, device=device)
    actions, spread, worth = nothing, nothing.clone(), nothing[:, 0, 0].clone()
    for rows, plan in parts:
        shape = (len(rows), horizon, action_size)
        actions[rows] = fit_warm_start(plan.actions, shape)
        spread[rows] = fit_warm_start(plan.spread, shape)
        worth[rows] = plan.expected_return
    statistics = PlanStatistics(
        iterations=max((part.plan.statistics.iterations for part in parts), default=0),
        non_finite=sum(part.plan.statistics.non_finite for part in parts),
        samples=max((part.plan.statistics.samples for part in parts), default=0),
    )
    return Plan(actions, worth, spread, statistics)
