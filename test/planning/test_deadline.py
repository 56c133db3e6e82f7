"""A plan with a deadline: as many rounds as there is time for, and at least one."""

from __future__ import annotations

import pytest
import torch
from analytic_models import Quadratic

from wm_planner.planning import PlannerConfig, deadline, make_planner
from wm_planner.types import ActionSpace, Latent


class Clock:
    """Stands still but for rollouts: 10 ms for 64 candidates."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Slow(Quadratic):
    clock: Clock

    def rollout(self, latent, actions):
        self.clock.now += 0.01 * actions.shape[1] / 64
        return super().rollout(latent, actions)


@pytest.fixture
def plan(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)

    def run(**settings):
        model = Slow()
        model.clock = clock
        config = PlannerConfig(
            samples=64, iterations=20, elites=16, use_prior=False, prior_weight=0, **settings
        )
        planner = make_planner(model, ActionSpace(2), config)
        started, generator = clock.now, torch.Generator().manual_seed(0)
        found = planner.plan(Latent(torch.tensor([[0.5, -0.5]])), None, generator)
        return found, (clock.now - started) * 1e3

    return run


@pytest.mark.parametrize("deadline_ms", [26, 40, 77, 100])
def test_it_ends_in_time_with_as_many_rounds_as_fit(plan, deadline_ms):
    found, took = plan(deadline_ms=float(deadline_ms))
    assert took <= deadline_ms
    assert (
        took > deadline_ms - 16
    )  # one more round, with half a one to spare, would not have fitted
    assert found.statistics.iterations == took // 10


def test_the_first_round_is_always_done(plan):
    found, _ = plan(deadline_ms=1.0)
    assert found.statistics.iterations == 1
    assert found.actions.isfinite().all()


def test_without_a_deadline_all_rounds_are_done(plan):
    assert plan()[0].statistics.iterations == 20


def test_more_time_finds_a_better_plan(plan):
    returns = [float(plan(deadline_ms=ms)[0].expected_return) for ms in (25.0, 60.0, 200.0)]
    assert returns == sorted(returns)
    assert returns[2] > returns[0]


def test_the_same_rounds_give_the_same_plan(plan):
    assert torch.equal(plan(deadline_ms=60.0)[0].actions, plan(deadline_ms=60.0)[0].actions)


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_a_deadline_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="deadline_ms"):
        PlannerConfig(deadline_ms=wrong)
