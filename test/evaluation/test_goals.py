"""Trials of goal images: repeatable starts and goals, resumable runs, honest counts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import CONFIG, SEARCH, tiny_model

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.envs.snapshot import restore
from wm_planner.errors import UserError
from wm_planner.evaluation.goals.command import run_goals
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.goals.goal import Places, make_goal
from wm_planner.evaluation.goals.summary import summarise
from wm_planner.evaluation.goals.trial import GoalTrial, run_trial
from wm_planner.types import Plan, PlanStatistics
from wm_planner.world_models.store import save_model

SEED = 4_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model().world_model, CONFIG)
    return str(folder)


@pytest.fixture(scope="module")
def env():
    return ManipulationEnv()


def test_a_seed_is_a_start_and_a_goal_apart_from_it(env):
    first, second = (make_goal(env, SEED, GoalsConfig()) for _ in range(2))
    assert first.seconds == second.seconds and 1.5 <= first.seconds <= 2.5
    assert np.array_equal(first.start.physics, second.start.physics)
    assert all(np.array_equal(first.frames[c], second.frames[c]) for c in ("front", "wrist"))
    restore(env, first.start)
    assert Places.of(env).distances(first.before).max() < 2e-3
    assert first.before.distances(first.places).max() > 0.03


class Follower:
    """A pipeline that does what the expert does, from the simulation's own state."""

    def __init__(self, env):
        self.env = env

    def reset(self, seed): ...

    def set_goal(self, frames):
        self.cameras = list(frames)

    def think(self, frames, proprio):
        action = self.env.task.expert(self.env.simulation, self.env.arm.goal)
        actions = torch.from_numpy(action)[None, None]
        self.plan = Plan(actions, torch.zeros(1), actions, PlanStatistics(0, 0))
        return self


def test_who_does_as_the_expert_did_reaches_the_goal(env):
    config = GoalsConfig(distance=0.05, first_camera=True)
    goal = make_goal(env, SEED + 1, config)
    follower = Follower(env)
    trial, frames = run_trial(env, follower, "expert", SEED + 1, goal, config)
    assert trial.success and trial.ended == "success" and max(trial.at_end) <= 0.05
    assert trial.seconds <= 2 * trial.expert_seconds
    assert follower.cameras == ["front"] and set(frames) == {"front", "wrist"}
    assert trial.nearest == pytest.approx(max(trial.at_end))


def test_a_killed_run_goes_on_and_other_settings_are_refused(model, tmp_path):
    out = tmp_path / "run"
    config = GoalsConfig(
        model=model, trials=1, seed=SEED, planners=("noop", "prior"), ahead=(0.5, 0.5),
        patience=0.4, out=out, json=tmp_path / "goals.json", search=SEARCH,
    )  # fmt: skip
    run_goals(config)
    log = out / "goals.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) == 2 and (out / "pictures" / f"{SEED}.png").is_file()
    log.write_text(lines[0] + lines[1][:20])
    found = run_goals(replace(config, planners=("noop", "prior", "mppi")))
    assert log.read_text().startswith(lines[0]) and len(log.read_text().splitlines()) == 3
    assert {label: row["trials"] for label, row in found["planners"].items()} == {
        "noop": 1, "prior": 1, "mppi": 1,
    }  # fmt: skip
    assert found["model_steps_a_plan"] == {"noop": 0, "prior": 0, "mppi": 16 * 2 * 3}
    assert found["search"]["objectives"]["goal_image"] == 1.0
    assert json.loads((tmp_path / "goals.json").read_text())["seeds"] == [SEED, SEED]
    with pytest.raises(UserError, match=r"other settings: patience was 0\.4, is now 0\.5"):
        run_goals(replace(config, patience=0.5))


def trial(to_go, at_end, success):
    ended = "success" if success else "time limit"
    return GoalTrial("mppi", 0, success, ended, 1.0, 2.0, to_go, at_end, at_end, max(at_end), 10.0)


def test_goals_whose_cube_must_move_are_counted_apart():
    trials = [
        trial([0.2, 0.001], [0.01, 0.001], True),
        trial([0.2, 0.1], [0.01, 0.09], False),
        trial([0.2, 0.1], [0.02, 0.02], True),
    ]
    found = summarise(trials, 0.03)
    assert (found["successes"], found["trials"]) == (2, 3)
    assert (found["moved"]["successes"], found["moved"]["trials"]) == (1, 2)
    assert found["hand_at_end_m"]["p50"] == 0.01
    assert summarise(trials[:1], 0.03)["moved"]["wilson95"] == [0.0, 1.0]


def test_unknown_planners_and_ranges_are_refused():
    with pytest.raises(UserError, match="unknown planner 'best'; there is noop, prior, mppi, cem"):
        GoalsConfig(planners=("best",))
    with pytest.raises(UserError, match="ahead is 2 to 1 s"):
        GoalsConfig(ahead=(2, 1))
