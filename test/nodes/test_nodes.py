"""Both nodes over DDS, with the shipped model."""

import numpy as np

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.trials import run_trial
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import load_model

SEED = 4_000_000


def test_grasps_over_ros(lockstep):
    trial, commands = lockstep.run_trial(SEED)
    assert trial.ended == "success"
    assert len(trial.plan_ms) >= trial.steps
    limits = build_pipeline(load_model(model_dir("grasp")), PlannerConfig()).robot._shaper
    waypoints = np.array(commands)
    assert (waypoints >= limits.lower - 1e-6).all() and (waypoints <= limits.upper + 1e-6).all()
    velocity = np.diff(waypoints, axis=0) * 50
    assert (np.abs(velocity) <= limits.velocity * 1.001).all()


def test_same_seed_gives_identical_commands(lockstep):
    (first, a), (second, b) = lockstep.run_trial(SEED + 1), lockstep.run_trial(SEED + 1)
    count = 5 * first.steps
    assert first.steps == second.steps and min(len(a), len(b)) >= count - 5
    count = min(count, len(a), len(b))
    np.testing.assert_array_equal(a[:count], b[:count])


def test_trials_agree_with_those_in_process(lockstep):
    over_ros = lockstep.run_trial(SEED + 2).trial
    model = load_model(model_dir("grasp"))
    pipeline = build_pipeline(model, PlannerConfig())
    in_process = run_trial(ManipulationEnv(EnvConfig("grasp")), pipeline, SEED + 2)
    assert (over_ros.success, over_ros.steps) == (in_process.success, in_process.steps)
    assert abs(over_ros.reward - in_process.reward) < 1e-3
