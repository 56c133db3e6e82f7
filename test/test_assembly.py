"""A budget that is to fit the machine is measured, taken, told, and then fixed."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from test_pipeline import CONFIG, frames, model  # noqa: F401 (a fixture)

from wm_planner import assembly
from wm_planner.assembly import build_pipeline, plan_times_ms, settle_budget
from wm_planner.nodes.diagnostics import Report, planner_status
from wm_planner.nodes.gate import Gate
from wm_planner.nodes.parameters import PARAMETERS, planner_config
from wm_planner.planning import PlannerConfig
from wm_planner.planning.budget import BUDGETS

AUTO = PlannerConfig(budget="auto")


@pytest.fixture
def speed(monkeypatch):
    """Makes plans take so many milliseconds a thousand imagined steps."""

    def set_speed(ms: float) -> None:
        def times(pipeline, config, plans):
            search = pipeline._planner._search.config
            steps = search.samples * search.iterations * search.horizon
            return [ms * steps / 1e3] * plans

        monkeypatch.setattr(assembly, "plan_times_ms", times)

    return set_speed


@pytest.mark.parametrize(
    ("ms", "taken"), [(0.1, BUDGETS[0]), (15.0, PlannerConfig()), (1e3, BUDGETS[-1])]
)
def test_the_budget_is_what_the_machine_has_time_for(model, speed, ms, taken):  # noqa: F811
    speed(ms)
    config = settle_budget(model, AUTO).config
    assert (config.samples, config.iterations, config.horizon) == (
        taken.samples, taken.iterations, taken.horizon,
    )  # fmt: skip
    assert config.budget == "fixed"


def test_what_was_taken_is_told_and_too_slow_a_machine_is_warned_of(model, speed, caplog):  # noqa: F811
    speed(1e3)
    with caplog.at_level(logging.WARNING):
        why = settle_budget(model, AUTO).why
    assert why.startswith("measured to fit: 32 samples x 2 iterations x horizon 3: plans take")
    assert "too slow for its control rate" in caplog.text
    report = Report()
    report.budget = why
    told = {pair.key: pair.value for pair in planner_status(report, Gate(), 0).values}
    assert told["budget"] == why


def test_what_is_fixed_or_does_not_search_is_not_measured(model, monkeypatch):  # noqa: F811
    monkeypatch.setattr(assembly, "plan_times_ms", None)  # not to be called
    assert settle_budget(model, PlannerConfig(samples=77)) == (
        PlannerConfig(samples=77), "as given: 77 samples x 4 iterations x horizon 5",
    )  # fmt: skip
    settled = settle_budget(model, replace(AUTO, planner="prior"))
    assert settled.config == PlannerConfig(planner="prior") and "does not search" in settled.why


def test_a_pipeline_is_built_with_what_was_measured(model, speed):  # noqa: F811
    speed(1e3)
    proprio = np.zeros(CONFIG.proprio_size, np.float32)
    plan = build_pipeline(model, AUTO).think(frames(0), proprio).plan
    assert (plan.statistics.samples, plan.statistics.iterations) == (32, 2)
    assert plan.actions.shape[1] == 3


def test_plans_are_timed_for_real(model):  # noqa: F811
    search = PlannerConfig(samples=8, prior_samples=2, elites=2, iterations=1, horizon=1)
    times = plan_times_ms(build_pipeline(model, search), CONFIG, 4)
    assert len(times) == 4 and min(times) > 0


@pytest.mark.parametrize(("lockstep", "budget"), [(True, "fixed"), (False, "auto")])
def test_in_lockstep_the_budget_is_fixed(lockstep, budget):
    values = {p.name: p.default for p in PARAMETERS}
    assert planner_config({**values, "lockstep": lockstep}).budget == budget
