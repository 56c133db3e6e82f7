"""Trials in process: alone or many in one batch, with disturbances, by any planner."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from wm_planner.assembly import build_pipeline
from wm_planner.envs.disturbances import Disturbances
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.in_process import Wave, run_wave
from wm_planner.evaluation.records import Trial
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import load_model

SEEDS = (4_000_000, 4_000_001, 4_000_002)
QUICK = PlannerConfig(samples=32, prior_samples=8, iterations=2, elites=8)


@lru_cache(maxsize=1)
def shipped():
    return load_model(model_dir("grasp"))


def run(seeds, planner="mppi", out=None, time_limit=1.0, disturbances=None) -> list[Trial]:
    """A wave of short trials with the shipped model."""
    env = EnvConfig("grasp", time_limit=time_limit, disturbances=disturbances or Disturbances())
    envs = [ManipulationEnv(env) for _ in seeds]
    name = "noop" if planner == "expert" else planner
    pipeline = build_pipeline(shipped(), replace(QUICK, planner=name))
    return run_wave(envs, pipeline, Wave(planner, tuple(seeds)), TrialsConfig(out=out))


def test_a_batch_of_trials_is_as_each_of_them_alone():
    """The same numbers are drawn; products of other sizes may round otherwise."""
    together = run(SEEDS)
    for trial, seed in zip(together, SEEDS, strict=True):
        (alone,) = run([seed])
        assert (trial.seed, trial.success, trial.steps) == (seed, alone.success, alone.steps)
        assert trial.rewards == pytest.approx(alone.rewards, abs=1e-3)
        assert trial.expected_returns == pytest.approx(alone.expected_returns, abs=0.05)


def test_a_trial_repeats():
    first, second = run(SEEDS[:1])[0], run(SEEDS[:1])[0]
    assert first.rewards == second.rewards
    assert first.expected_returns == second.expected_returns


def test_a_finished_trial_leaves_its_batch_and_the_others_go_on():
    trials = run(SEEDS, planner="expert", time_limit=6.0)
    assert all(trial.success and trial.ended == "success" for trial in trials)
    assert len({trial.steps for trial in trials}) > 1


def test_the_record_has_an_entry_for_each_step():
    (trial,) = run(SEEDS[:1])
    assert trial.steps == 10 and trial.seconds == 1.0
    for values in (trial.reached, trial.rewards, trial.expected_returns, trial.plan_ms):
        assert len(values) == 10
    assert np.isfinite(trial.expected_returns).all()
    assert all(a < b for a, b in zip(trial.plan_ms, trial.frame_to_command_ms, strict=True))


def test_a_step_whose_frames_are_lost_has_no_plan():
    (trial,) = run(SEEDS[:1], time_limit=4.0, disturbances=Disturbances(frame_loss=0.4))
    lost = sum(map(math.isnan, trial.expected_returns))
    assert trial.steps == len(trial.rewards) == len(trial.expected_returns)
    assert 0 < lost < trial.steps
    assert len(trial.plan_ms) == trial.steps - lost


def test_a_failure_gets_a_film_strip_and_a_success_does_not(tmp_path):
    (failed,) = run(SEEDS[:1], out=tmp_path)
    assert not failed.success and (tmp_path / failed.strip).is_file()
    (good,) = run(SEEDS[:1], planner="expert", out=tmp_path, time_limit=6.0)
    assert good.success and good.strip == ""


class LosesSight:
    """A world model that encodes nothing usable of one of its episodes from some step on."""

    def __init__(self, inner, row: int, step: int) -> None:
        self._inner, self._row, self._step, self._frames = inner, row, step, 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def encode(self, observation, foreseen=None):
        latent = self._inner.encode(observation, foreseen)
        if self._frames == self._step:
            latent.z[self._row] = math.nan
        self._frames += 1
        return latent


@pytest.mark.parametrize("planner", ["mppi", "cem", "prior"])
def test_a_plan_that_cannot_be_made_ends_its_trial_as_a_fault_and_no_other(planner):
    undisturbed = run(SEEDS, planner)
    pipeline = build_pipeline(shipped(), replace(QUICK, planner=planner))
    pipeline.world_model = LosesSight(pipeline.world_model, row=1, step=4)
    envs = [ManipulationEnv(EnvConfig("grasp", time_limit=1.0)) for _ in SEEDS]
    trials = run_wave(envs, pipeline, Wave(planner, SEEDS), TrialsConfig())
    assert [trial.ended for trial in trials] == ["time limit", "fault", "time limit"]
    assert [trial.steps for trial in trials] == [10, 4, 10]
    for found, wanted in zip(trials, undisturbed, strict=True):
        together = min(found.steps, 5)  # as many are planned in one batch
        assert found.rewards[:together] == wanted.rewards[:together]
        assert found.rewards == pytest.approx(wanted.rewards[: found.steps], abs=1e-3)


def test_what_surprises_too_much_ends_its_trial_as_a_fault_and_no_other():
    pipeline = build_pipeline(shipped(), replace(QUICK, max_surprise=5.0))
    pipeline.world_model = LosesSight(pipeline.world_model, row=1, step=4)
    envs = [ManipulationEnv(EnvConfig("grasp", time_limit=1.0)) for _ in SEEDS]
    trials = run_wave(envs, pipeline, Wave("mppi", SEEDS), TrialsConfig())
    assert [trial.ended for trial in trials] == ["time limit", "fault", "time limit"]


def test_a_trial_without_any_plan_has_a_record_but_no_pictures(tmp_path):
    pipeline = build_pipeline(shipped(), QUICK)
    pipeline.world_model = LosesSight(pipeline.world_model, row=0, step=0)
    env = ManipulationEnv(EnvConfig("grasp", time_limit=1.0))
    config = TrialsConfig(out=tmp_path, video=True)
    (trial,) = run_wave([env], pipeline, Wave("mppi", SEEDS[:1]), config)
    assert (trial.success, trial.ended, trial.steps) == (False, "fault", 0)
    assert (trial.strip, trial.video) == ("", "")
