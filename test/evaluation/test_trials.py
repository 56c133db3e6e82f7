"""The trials command: which planners it runs, what it refuses, and that it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from wm_planner.commands.trials import run_trials
from wm_planner.envs.disturbances import Disturbances
from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError
from wm_planner.evaluation.records import read_run
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.planning import PLANNERS, PlannerConfig


@pytest.mark.parametrize("planner", [*PLANNERS, "expert"])
def test_every_planner_is_known(planner):
    assert list(TrialsConfig(planner=planner).contestants) == [planner]


def test_baselines_stand_beside_the_planner_with_names_of_their_own():
    config = TrialsConfig(baselines=("noop", "prior", "without-prior", "expert"))
    assert list(config.contestants) == ["mppi", "noop", "prior", "mppi without prior", "expert"]
    assert config.contestants["mppi without prior"].use_prior is False
    assert config.contestants["mppi"].use_prior is True
    assert TrialsConfig(prior=False).label == "mppi without prior"


def test_a_policy_server_stands_alone_beside_the_planner_and_is_left_out():
    config = TrialsConfig(
        baselines=("server", "without-server", "without-prior", "prior"),
        search=PlannerConfig(server="localhost:1"),
    )
    named = {label: (c.planner, c.server, c.use_prior) for label, c in config.contestants.items()}
    assert named == {
        "mppi with server": ("mppi", "localhost:1", True),
        "server": ("server", "localhost:1", True),
        "mppi": ("mppi", "", True),
        "mppi with server without prior": ("mppi", "localhost:1", False),
        "prior": ("prior", "localhost:1", True),
    }
    bare = replace(config, prior=False, baselines=("without-server",))
    assert list(bare.contestants) == ["mppi with server without prior", "mppi without prior"]
    assert bare.label == "mppi with server without prior"


def test_trials_do_not_begin_while_the_server_is_not_there():
    with pytest.raises(UserError, match=r"cannot be reached.*`wm_planner serve`"):
        run_trials(TrialsConfig(trials=1, search=PlannerConfig(server="localhost:1")))


def test_seeds_are_given_one_by_one_or_as_a_range():
    assert TrialsConfig(trials=3, seed=7).starts == (7, 8, 9)
    assert TrialsConfig(seeds=(5, 3)).starts == (5, 3)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"planner": "magic"}, "unknown planner 'magic'; there is .*mppi"),
        ({"baselines": ("magic",)}, "unknown baseline 'magic'; there is .*without-prior"),
        ({"task": "juggle"}, "unknown task 'juggle'; there is grasp, "),
        ({"planner": "server"}, "give its address, as in --search.server localhost:8000"),
        ({"baselines": ("without-server",)}, "there is none: give its address"),
        ({"trials": 0}, "trials is 0, expected at least 1"),
        ({"workers": 0}, "workers is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"time_limit": -1.0}, "time_limit is -1"),
        ({"seeds": (3, 3)}, "given twice"),
        ({"seed": -1}, "-1 is negative"),
        ({"video": True}, "--out"),
        ({"attach": True}, "need --ros"),
        ({"ros": True, "planner": "expert"}, "run it without --ros"),
        ({"ros": True, "attach": True, "baselines": ("noop",)}, "leave --attach out"),
        ({"ros": True, "disturbances": Disturbances(frame_loss=0.1)}, "--no-lockstep"),
        ({"ros": True, "randomization": Randomization(latency=(0, 0.1))}, "--no-lockstep"),
    ],
)
def test_wrong_settings_say_what_is_valid(wrong, hint):
    with pytest.raises(UserError, match=hint):
        TrialsConfig(**wrong)


@pytest.fixture
def short(model_folder, tmp_path) -> TrialsConfig:
    """Two half-second trials of a tiny model and of two baselines."""
    return TrialsConfig(
        model=str(model_folder),
        planner="prior",
        baselines=("noop", "expert"),
        trials=2,
        time_limit=0.5,
        workers=1,
        out=tmp_path / "run",
    )


def test_the_summary_has_every_planner_and_says_what_ran(short, tmp_path, capsys):
    file = tmp_path / "out" / "trials.json"
    result = run_trials(replace(short, json=file))
    assert json.loads(file.read_text())["successes"] == result["successes"]
    assert result["planner"] == "prior" and list(result["planners"]) == ["prior", "noop", "expert"]
    assert result["seeds"] == [5_000_000, 5_000_001]
    assert len(result["model"]["sha256"]) == 64
    printed = capsys.readouterr().out
    assert all(f"grasp, {name}: 0/2" in printed for name in ("prior", "noop", "expert"))
    assert (short.out / "report.html").is_file() and (short.out / "summary.json").is_file()


def test_the_expert_grasps(short):
    config = replace(short, planner="expert", baselines=(), time_limit=0.0, out=None)
    result = run_trials(config)
    assert result["successes"] == 2 and result["ended"] == {"success": 2}
    assert 2 < result["seconds_to_success"] < 6


def test_doing_nothing_fails_at_the_time_limit(short):
    result = run_trials(replace(short, planner="noop", baselines=(), trials=1))
    assert result["successes"] == 0 and result["mean_steps"] == 5
    assert result["ended"] == {"time limit": 1} and result["failures"] == {"stayed at 'reach'": 1}
    assert result["failed_seeds"] == [5_000_000]


def test_a_killed_run_goes_on_and_runs_only_what_is_missing(short):
    run_trials(short)
    _, trials = read_run(short.out)
    file = short.out / "trials.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    marked = [trial.plan_ms for trial in trials[:3]]
    run_trials(short)
    _, again = read_run(short.out)
    assert [trial.plan_ms for trial in again[:3]] == marked
    assert sorted((t.planner, t.seed) for t in again) == sorted((t.planner, t.seed) for t in trials)


def test_more_trials_are_added_to_those_that_are_there(short):
    run_trials(replace(short, baselines=()))
    result = run_trials(replace(short, baselines=(), trials=3))
    assert result["trials"] == 3
    assert len(read_run(short.out)[1]) == 3


def test_other_settings_do_not_go_on_in_the_same_folder(short, model_folder):
    run_trials(replace(short, baselines=()))
    with pytest.raises(UserError, match=r"other settings: config\.time_limit was .*, is now 0\.7;"):
        run_trials(replace(short, baselines=(), time_limit=0.7))


def test_a_robot_the_model_was_not_trained_on_is_refused(short):
    with pytest.raises(UserError, match=r"robot is 'ur5', but model .* 'panda'; give --robot"):
        run_trials(replace(short, robot="ur5"))


def test_a_task_the_model_was_not_trained_for_is_refused(short):
    with pytest.raises(UserError, match=r"task is 'stack', but model .* 'grasp'; give --task"):
        run_trials(replace(short, task="stack"))


def test_a_model_that_cannot_be_read_is_named(short, model_folder):
    weights = model_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model\.safetensors: not a whole safetensors file"):
        run_trials(short)


def test_a_run_that_is_killed_for_real_loses_no_finished_trial(short):
    """SIGKILL to the whole command, then the same command again."""
    command = [sys.executable, "-m", "wm_planner", "trials", "--model", short.model,
               "--planner", "noop", "--trials", "12", "--time-limit", "3", "--workers", "2",
               "--out", str(short.out)]  # fmt: skip
    file = short.out / "trials.jsonl"
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    while not file.exists() or file.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    finished = file.read_bytes().rpartition(b"\n")[0]
    assert 3 <= finished.count(b"\n") + 1 < 12
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert file.read_bytes().startswith(finished)
    seeds = [trial.seed for trial in read_run(short.out)[1]]
    assert sorted(seeds) == list(range(5_000_000, 5_000_012))
