"""The budget taken is the largest whose plans leave time, as measured and not as foreseen."""

from __future__ import annotations

import pytest

from wm_planner.planning import PlannerConfig
from wm_planner.planning.budget import BUDGETS, LARGEST_SHARE, Budget, fit_budget

PERIOD = 0.1


def machine(ms_a_thousand_steps: float, besides_ms: float = 3.0, slow: tuple[Budget, ...] = ()):
    """Times plans on a machine of this speed, on which some budgets take three times as long."""

    def times_ms(budget: Budget, plans: int) -> list[float]:
        ms = besides_ms + ms_a_thousand_steps * budget.steps / 1e3
        return [ms * (3 if budget in slow else 1)] * plans

    return times_ms


def test_budgets_are_valid_and_each_is_smaller_than_the_one_before():
    steps = [budget.steps for budget in BUDGETS]
    assert steps == sorted(set(steps), reverse=True)
    for budget in BUDGETS:
        config = budget.of(PlannerConfig(budget="auto"))
        assert (config.samples, config.iterations, config.horizon) == budget
        assert config.budget == "fixed" and config.search()


def test_the_usual_budget_is_among_them_and_is_the_default():
    usual = PlannerConfig()
    assert any(budget.of(usual) == usual for budget in BUDGETS)


@pytest.mark.parametrize("speed", [0.1, 1.0, 5.0, 10.0, 20.0, 50.0, 1000.0, 10_000.0])
def test_the_largest_that_fits_is_taken(speed):
    times = machine(speed)
    found = fit_budget(times, PERIOD)
    fitting = [b for b in BUDGETS if times(b, 1)[0] <= found.allowed_ms]
    assert found.budget == (fitting or BUDGETS[-1:])[0]
    assert found.fits == bool(fitting)
    assert found.allowed_ms < LARGEST_SHARE * PERIOD * 1e3


def test_a_longer_period_allows_more():
    sizes = [fit_budget(machine(10), period).budget.steps for period in (0.02, 0.1, 1.0)]
    assert sizes == sorted(set(sizes))


def test_a_budget_that_takes_longer_than_foreseen_is_not_taken():
    quick = fit_budget(machine(5), PERIOD).budget
    found = fit_budget(machine(5, slow=(quick,)), PERIOD)
    assert found.budget == BUDGETS[BUDGETS.index(quick) + 1]
    assert found.next_ms > found.allowed_ms


def test_a_busy_moment_at_first_does_not_make_it_time_large_budgets_many_times():
    times, timed = machine(10), {}

    def times_ms(budget: Budget, plans: int) -> list[float]:
        timed[budget] = timed.get(budget, 0) + plans
        busy = budget == BUDGETS[-1] and timed[budget] == plans  # so that all seem to fit
        return [times(BUDGETS[0] if busy else budget, 1)[0] / (10 if busy else 1)] * plans

    found = fit_budget(times_ms, PERIOD)
    assert found.budget == fit_budget(times, PERIOD).budget
    larger = BUDGETS[: BUDGETS.index(found.budget)]
    assert all(timed.get(budget, 0) <= 5 for budget in larger)


def test_what_was_taken_and_why_is_told():
    fits, none = (str(fit_budget(machine(speed), PERIOD)) for speed in (10, 10_000))
    assert "samples x" in fits and "ms, of 40 allowed; the next larger" in fits
    assert "more than the 40 allowed" in none
