"""Parts that fit together make a pipeline, with a budget that fits the machine if it is to."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tiny_model import CONFIG, SEARCH, TINY, frames, tiny_model

from wm_planner import assembly
from wm_planner.assembly import build_arm, build_pipeline, plan_times_ms
from wm_planner.errors import UserError
from wm_planner.nodes.diagnostics import Report, planner_status
from wm_planner.nodes.gate import Gate
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.search_parameters import planner_config
from wm_planner.paths import robot_config
from wm_planner.planning import PlannerConfig
from wm_planner.planning.budget import BUDGETS
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.store import LoadedModel
from wm_planner.world_models.td_latent import TDLatent

AUTO = PlannerConfig(budget="auto")


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return tiny_model()


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
    ("ms", "taken"), [(0.1, BUDGETS[0]), (15.0, PlannerConfig()), (1e4, BUDGETS[-1])]
)
def test_the_budget_is_what_the_machine_has_time_for(model, speed, ms, taken):
    speed(ms)
    pipeline = build_pipeline(model, AUTO)
    plan = pipeline.think(frames(0), np.zeros(CONFIG.proprio_size, np.float32)).plan
    assert (plan.statistics.samples, plan.statistics.iterations) == (
        taken.samples, taken.iterations,
    )  # fmt: skip
    assert plan.actions.shape[1] == taken.horizon
    assert pipeline.budget.startswith(f"measured to fit: {taken.samples} samples x ")


def test_what_was_taken_is_told_and_too_slow_a_machine_is_warned_of(model, speed, caplog):
    speed(1e4)
    with caplog.at_level(logging.WARNING):
        why = build_pipeline(model, AUTO).budget
    assert why.startswith("measured to fit: 8 samples x 1 iterations x horizon 1: plans take")
    assert "too slow for its control rate" in caplog.text
    report = Report()
    report.budget = why
    told = {pair.key: pair.value for pair in planner_status(report, Gate(), 0).values}
    assert told["budget"] == why


def test_what_is_fixed_or_does_not_search_is_not_measured(model, monkeypatch):
    monkeypatch.setattr(assembly, "plan_times_ms", None)  # not to be called
    given = build_pipeline(model, PlannerConfig(samples=77))
    assert given.budget == "as given: 77 samples x 4 iterations x horizon 5"
    assert "does not search" in build_pipeline(model, replace(AUTO, planner="prior")).budget


def test_plans_are_timed_for_real(model):
    search = PlannerConfig(samples=8, prior_samples=2, elites=2, iterations=1, horizon=1)
    times = plan_times_ms(build_pipeline(model, search), CONFIG, 4)
    assert len(times) == 4 and min(times) > 0


@pytest.mark.parametrize(("lockstep", "budget"), [(True, "fixed"), (False, "auto")])
def test_in_lockstep_the_budget_is_fixed(lockstep, budget):
    values = {p.name: p.default for p in PARAMETERS}
    assert planner_config({**values, "lockstep": lockstep}).budget == budget


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control_rate_hz": 20.0}, r"control rate.*20\.0.*'panda' 10\.0"),
        ({"network": replace(TINY, action_size=7)}, "action size.*7.*'panda' 4"),
        ({"network": replace(TINY, proprio_size=16)}, "proprioception size.*16.*'panda' 8"),
        ({"network": replace(TINY, switches=())}, "switches"),
        ({"robot": "ur5"}, "unknown robot 'ur5'.*panda"),
    ],
)
def test_a_model_for_another_robot_is_refused(model, changes, message):
    with pytest.raises(UserError, match=message):
        build_pipeline(model._replace(config=replace(CONFIG, **changes)), SEARCH)


def test_the_planner_takes_the_discount_the_value_was_trained_with(model):
    """Whatever its own configuration says: with another discount the plan's worth changes."""
    network = replace(TINY, discount=0.5)
    world_model = TDLatent(network).eval().requires_grad_(False)
    world_model.load_state_dict(model.world_model.state_dict())
    other = LoadedModel(world_model, replace(CONFIG, network=network), "0" * 64, Path("nowhere"))
    plans = []
    for discount in (0.5, 0.99):
        running = build_pipeline(other, replace(SEARCH, discount=discount))
        plans.append(running.think(frames(0), np.zeros(8, np.float32)).plan)
    assert torch.equal(plans[0].expected_return, plans[1].expected_return)


def test_a_robot_of_ones_own_is_a_file(tmp_path):
    values = yaml.safe_load(robot_config("panda").read_text()) | {"control_rate_hz": 5.0}
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(values))
    assert build_arm(str(file)).config.waypoints_per_action == 10
    with pytest.raises(UserError, match="unknown robot 'mine'"):
        build_arm("mine")


def test_objectives_that_look_at_latents_take_the_code_that_keeps_them(model, caplog):
    searches = {
        name: replace(SEARCH, backend="float32", objectives={name: 1.0})
        for name in ("goal_image", "success")
    }
    for name, search in searches.items():
        caplog.clear()
        with caplog.at_level(logging.INFO):
            pipeline = build_pipeline(model, search)
        assert pipeline.world_model is model.world_model
        assert f"imagining with plain PyTorch: {name} need imagined latents" in caplog.text
        pipeline.set_goal(frames(1))
        plan = pipeline.think(frames(0), np.zeros(CONFIG.proprio_size, np.float32)).plan
        assert plan.expected_return.isfinite().all()
    assert build_pipeline(model, searches["goal_image"]).needs_goal
    assert not build_pipeline(model, searches["success"]).needs_goal


def test_a_family_without_rewards_plans_for_goals(model, monkeypatch):
    unpaid = replace(FAMILIES["td_latent"], rewards=False)
    monkeypatch.setitem(FAMILIES, "td_latent", unpaid)
    assert build_pipeline(model, SEARCH).needs_goal
    wanted = replace(SEARCH, objectives={"return": 1.0})
    with pytest.raises(UserError, match=r"never saw a reward; give it a goal image.*goal_image: 1"):
        build_pipeline(model, wanted)


def test_without_a_head_for_success_there_is_no_such_objective(model):
    network = replace(TINY, success=False)
    blind = model._replace(
        world_model=TDLatent(network).eval(), config=replace(CONFIG, network=network)
    )
    with pytest.raises(UserError, match="no head that tells success"):
        build_pipeline(blind, replace(SEARCH, objectives={"success": 1.0}))


def test_a_budget_is_measured_with_a_goal_and_leaves_none(model, monkeypatch):
    monkeypatch.setattr(
        assembly, "interleaved_ms", lambda calls, n, tick: {"plan": [calls["plan"]()] * n}
    )
    pipeline = build_pipeline(model, replace(SEARCH, objectives={"goal_image": 1.0}))
    plan_times_ms(pipeline, CONFIG, 1)
    assert not pipeline.has_goal
