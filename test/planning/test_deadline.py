"""A plan with a deadline: as many rounds as there is time for, and at least one."""

from __future__ import annotations

import pytest
import torch
from analytic_models import Quadratic

from wm_planner.planning import Pace, PlannerConfig, make_planner
from wm_planner.types import ActionSpace, Latent, Plan


class Slow(Quadratic):
    """Its clock stands still but while it imagines: 10 ms for 64 candidates, 4 ms to propose."""

    def __init__(self) -> None:
        super().__init__()
        self.ms, self.ms_a_round, self.ms_a_choice = 0.0, 10.0, 10.0 / 64

    def rollout(self, latent, actions):
        self.ms += self.ms_a_round if actions.shape[1] == 64 else self.ms_a_choice
        return super().rollout(latent, actions)

    def propose(self, latent, n, horizon, generator, goal=None):
        self.ms += 4.0
        return super().propose(latent, n, horizon, generator)


class Planning:
    """A planner in a row of plans."""

    def __init__(self, **settings) -> None:
        self.model = Slow()
        config = PlannerConfig(
            samples=64,
            iterations=20,
            elites=16,
            objectives={"return": 1, "uncertainty": 1},
            **{"use_prior": False} | settings,
        )
        pace = Pace(clock=lambda: self.model.ms / 1e3)
        self.planner = make_planner(self.model, ActionSpace(2), config, pace)

    def plan(self) -> tuple[Plan, float]:
        """One more, and the milliseconds it took."""
        started, generator = self.model.ms, torch.Generator().manual_seed(0)
        found = self.planner.plan(Latent(torch.tensor([[0.5, -0.5]])), None, generator)
        return found, self.model.ms - started

    def rounds(self) -> int:
        return self.plan()[0].statistics.iterations


@pytest.mark.parametrize("deadline_ms", [26, 40, 77, 100])
def test_it_ends_in_time_with_as_many_rounds_as_fit(deadline_ms):
    planning = Planning(deadline_ms=float(deadline_ms))
    planning.plan()
    planning.plan()  # now it knows how long a choice takes
    found, took = planning.plan()
    assert took <= deadline_ms
    assert took + 10 > deadline_ms - 1, "one more round would not have fitted"
    assert found.statistics.iterations == took // 10


@pytest.mark.parametrize("plans", [1, 2, 3])
def test_even_the_first_plans_end_in_time(plans):
    planning = Planning(deadline_ms=40.0)
    assert [planning.plan()[1] <= 40 for _ in range(plans)] == [True] * plans


def test_the_first_round_is_always_done_and_then_nothing_more():
    found, took = Planning(deadline_ms=1.0).plan()
    assert (found.statistics.iterations, took) == (1, 10.0)
    assert found.actions.isfinite().all()


def test_without_time_for_a_choice_the_plan_is_still_no_worse_than_the_last():
    """The last plan is among the candidates of the first round."""
    planning, target = Planning(deadline_ms=1.0), torch.tensor([[0.5, -0.5]])
    last = target[:, None].repeat(1, 5, 1)
    plan = planning.planner.plan(Latent(target), last, torch.Generator().manual_seed(0))
    assert torch.equal(plan.actions, last)


def test_the_proposal_counts_and_so_does_the_choice():
    planning = Planning(deadline_ms=40.0, use_prior=True)
    planning.model.ms_a_choice = 9.0
    for _ in range(3):
        found, took = planning.plan()
    assert (found.statistics.iterations, took) == (2, 4 + 2 * 10 + 9)


def test_what_was_slow_a_moment_ago_is_expected_again():
    """Rounds of 3 ms, now and then 16 ms: a plan that knows of it is not late."""
    planning = Planning(deadline_ms=31.0)
    planning.model.ms_a_round = planning.model.ms_a_choice = 3.0
    assert [planning.rounds() for _ in range(3)] == [9, 9, 9]
    planning.model.ms_a_round = planning.model.ms_a_choice = 16.0
    planning.plan()
    planning.model.ms_a_round, planning.model.ms_a_choice = 3.0, 16.0
    found, took = planning.plan()
    assert took <= 31 and found.statistics.iterations < 9


def test_one_hiccup_does_not_rule_for_ever():
    planning = Planning(deadline_ms=31.0)
    planning.model.ms_a_round = 3.0
    usual = [planning.rounds() for _ in range(3)][-1]
    planning.model.ms_a_round = 1000.0
    planning.plan()
    planning.model.ms_a_round = 3.0
    rounds = [planning.rounds() for _ in range(60)]
    assert rounds[0] == 1
    assert rounds == sorted(rounds), "it is forgotten bit by bit"
    assert rounds[-1] == usual


def test_the_first_plan_of_all_is_no_measure_for_others():
    planning = Planning(deadline_ms=31.0)
    planning.model.ms_a_round = 1000.0
    planning.plan()
    planning.model.ms_a_round = 3.0
    assert planning.rounds() > 7


def test_without_a_deadline_all_rounds_are_done():
    assert Planning().rounds() == 20


def test_more_time_finds_a_better_plan():
    returns = [
        float(Planning(deadline_ms=ms).plan()[0].expected_return) for ms in (25.0, 60.0, 200.0)
    ]
    assert returns == sorted(returns)
    assert returns[2] > returns[0]


def test_the_same_rounds_give_the_same_plan():
    first, second = (Planning(deadline_ms=60.0).plan()[0].actions for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_a_deadline_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="deadline_ms"):
        PlannerConfig(deadline_ms=wrong)
