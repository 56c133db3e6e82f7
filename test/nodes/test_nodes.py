"""Both nodes over DDS, with the shipped model."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from std_srvs.srv import Trigger

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation.in_process import Wave, run_wave
from wm_planner.evaluation.records import read_run
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trials import node_parameters
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import load_model

SEED = 4_000_000


def test_grasps_over_ros(lockstep):
    trial, commands, *_ = lockstep.run_trial(SEED)
    assert trial.ended == "success"
    assert len(trial.plan_ms) >= trial.steps
    limits = build_pipeline(load_model(model_dir("grasp")), PlannerConfig()).robot._shaper
    waypoints = np.array(commands)
    assert (waypoints >= limits.lower - 1e-6).all() and (waypoints <= limits.upper + 1e-6).all()
    velocity = np.diff(waypoints, axis=0) * 50
    assert (np.abs(velocity) <= limits.velocity * 1.001).all()


def test_same_seed_gives_identical_commands(lockstep):
    (first, a, *_), (second, b, *_) = (lockstep.run_trial(SEED + 1) for _ in range(2))
    count = 5 * first.steps
    assert first.steps == second.steps and min(len(a), len(b)) >= count - 5
    count = min(count, len(a), len(b))
    np.testing.assert_array_equal(a[:count], b[:count])


def test_trials_agree_with_those_in_process(lockstep):
    over_ros = lockstep.run_trial(SEED + 2).trial
    model = load_model(model_dir("grasp"))
    pipeline = build_pipeline(model, PlannerConfig())
    env = ManipulationEnv(EnvConfig("grasp"))
    (in_process,) = run_wave([env], pipeline, Wave("mppi", (SEED + 2,)), TrialsConfig())
    assert (over_ros.success, over_ros.steps) == (in_process.success, in_process.steps)
    assert over_ros.reached == in_process.reached
    assert over_ros.rewards == pytest.approx(in_process.rewards, abs=1e-4)
    assert over_ros.expected_returns == pytest.approx(in_process.expected_returns, abs=1e-2)


def test_a_trial_ends_at_its_own_time_limit(lockstep):
    trial = lockstep.run_trial(SEED, time_limit=0.5).trial
    assert (trial.ended, trial.steps, trial.seconds) == ("time limit", 5, 0.5)


def test_somebody_elses_stop_ends_a_trial_as_the_operators(lockstep):
    lockstep.node.create_timer(0.2, lambda: stop.call_async(Trigger.Request()))
    stop = lockstep.node.create_client(Trigger, "/wm_planner/stop")
    try:
        trial = lockstep.run_trial(SEED).trial
    finally:
        for timer in list(lockstep.node.timers):
            lockstep.node.destroy_timer(timer)
    assert (trial.success, trial.ended) == (False, "operator stop")


def test_nodes_that_run_already_must_have_the_trials_settings(lockstep):
    config = TrialsConfig(ros=True, attach=True)
    parameters = node_parameters(config)
    lockstep.check_parameters("/sim", parameters.simulation)
    lockstep.check_parameters("/wm_planner", parameters.planner)
    other = node_parameters(replace(config, planner="cem"))
    with pytest.raises(UserError, match="planner is 'mppi', the trials are of 'cem'"):
        lockstep.check_parameters("/wm_planner", other.planner)


def test_a_run_over_ros_leaves_video_bag_and_report(tmp_path):
    """As the command runs it, after an earlier run that was killed in its first trial."""
    out = tmp_path / "run"
    (out / "bags" / f"prior_{SEED}").mkdir(parents=True)
    command = [sys.executable, "-m", "wm_planner", "trials", "--planner", "prior", "--trials", "1",
               "--seed", str(SEED), "--time-limit", "0.5", "--ros", "--out", str(out), "--video",
               "--record"]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-2000:]
    settings, (trial,) = read_run(out)
    assert settings["over"] == "ros lockstep"
    assert (trial.ended, trial.steps) == ("time limit", 5)
    with AnyReader([out / trial.bag]) as reader:
        found = {c.topic: c.msgcount for c in reader.connections}
    assert min(found[t] for t in ("/front/color", "/joint_states", "/wm_planner/commands")) >= 5
    video = cv2.VideoCapture(str(out / trial.video))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 4
    assert (out / trial.strip).is_file() and (out / "report.html").is_file()
