"""A batch that is planned in parts."""

from __future__ import annotations

import torch

from wm_planner.planning import Part, join
from wm_planner.types import Plan, PlanStatistics

CPU = torch.device("cpu")


def plan(worth: float, batch: int, horizon: int) -> Plan:
    """Its first action is `worth`, the following ones count up."""
    actions = (worth + torch.arange(float(horizon)))[None, :, None].repeat(batch, 1, 2)
    statistics = PlanStatistics(iterations=horizon, non_finite=1)
    returns = torch.full((batch,), worth)
    return Plan(actions, returns, 2 * actions, statistics, actions[:, None])


def test_a_part_that_is_the_whole_batch_is_its_plan():
    whole = plan(0.0, batch=3, horizon=2)
    assert join([Part([0, 1, 2], whole)], 3, 2, CPU) is whole


def test_every_element_gets_its_own_part_and_shorter_plans_repeat_their_last_action():
    joined = join(
        [Part([1], plan(5.0, 1, 1)), Part([3, 0], plan(0.0, 2, 3))],
        batch=4,
        action_size=2,
        device=CPU,
    )
    assert joined.failed.tolist() == [False, False, True, False]
    assert joined.actions[[0, 1, 3], :, 0].tolist() == [[0, 1, 2], [5, 5, 5], [0, 1, 2]]
    assert joined.spread[1, :, 0].tolist() == [10, 10, 10]
    assert joined.expected_return[[0, 1, 3]].tolist() == [0, 5, 0]
    assert joined.expected_return[2].isnan()
    assert joined.statistics == PlanStatistics(iterations=3, non_finite=2)
    assert joined.candidates is None


def test_without_any_part_all_failed():
    joined = join([], batch=2, action_size=3, device=CPU)
    assert joined.actions.shape == (2, 1, 3) and joined.failed.all()
