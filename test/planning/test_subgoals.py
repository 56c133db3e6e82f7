"""A slower level says what to see next; the faster one plans to that."""

from __future__ import annotations

import pytest
import torch
from analytic_models import Quadratic

from wm_planner.errors import UserError
from wm_planner.planning import NoOp, PlannerConfig, make_planner
from wm_planner.planning.subgoals import TowardsSubgoals
from wm_planner.types import ActionSpace, Latent, Situation


class Halfway:
    def subgoal(self, latent: Latent, goal: Latent) -> Latent:
        return Latent((latent.z + goal.z) / 2)


class Noting:
    """A planner that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Situation] = []
        self._inner = NoOp(ActionSpace(4, (3,)))

    def plan(self, latent, warm_start, generator, situation):
        self.asked.append(situation)
        return self._inner.plan(latent, warm_start, generator, situation)


def test_the_faster_level_plans_to_the_slower_levels_subgoal():
    faster = Noting()
    planner = TowardsSubgoals(Halfway(), faster)
    now, goal, felt = Latent(torch.zeros(2, 3)), Latent(torch.ones(2, 3)), torch.zeros(2, 8)
    plan = planner.plan(now, None, torch.Generator(), Situation(felt, goal))
    assert torch.equal(faster.asked[0].goal.z, torch.full((2, 3), 0.5))
    assert faster.asked[0].proprio is felt
    assert plan.actions.shape == (2, 3, 4)


def test_without_a_goal_there_is_no_subgoal():
    faster = Noting()
    TowardsSubgoals(Halfway(), faster).plan(Latent(torch.zeros(1, 3)), None, torch.Generator())
    assert faster.asked[0].goal is None


def test_a_model_without_a_slower_level_is_refused():
    model = Quadratic(torch.zeros(2, 3))
    with pytest.raises(UserError, match="slower level"):
        make_planner(model, ActionSpace(3), PlannerConfig(subgoals=True))
