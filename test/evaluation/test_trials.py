"""Trials: what is measured, what is written, and what is refused."""

import json

import pytest

from wm_planner.errors import UserError
from wm_planner.evaluation.trials import Trial, TrialsConfig, describe, summarise
from wm_planner.planning import PLANNERS
from wm_planner.trials import run_trials

KEYS = {
    "task",
    "planner",
    "trials",
    "successes",
    "success_rate",
    "wilson95",
    "plan_ms",
    "frame_to_command_ms",
    "seeds",
    "failed_seeds",
}


def _trial(seed, success=True):
    ended = "success" if success else "time limit"
    return Trial(seed, success, 3, 1.5, ended, [10.0, 20.0, 30.0], [11.0, 21.0, 31.0])


def test_summary_counts():
    trials = [_trial(5), _trial(6, success=False), _trial(7), _trial(8)]
    result = summarise(TrialsConfig(), trials)
    assert result.keys() >= KEYS
    assert (result["trials"], result["successes"], result["success_rate"]) == (4, 3, 0.75)
    assert result["wilson95"] == pytest.approx([0.301, 0.954], abs=1e-3)
    assert result["seeds"] == [5, 6, 7, 8] and result["failed_seeds"] == [6]
    assert result["plan_ms"]["p50"] == 20.0
    assert result["frame_to_command_ms"]["p95"] == pytest.approx(31.0)


def test_description_says_which_planner_and_how_sure():
    result = summarise(TrialsConfig(prior=False), [_trial(5)])
    line = describe(result)
    assert "mppi without prior" in line and "1/1" in line and "100.0%" in line and "20.7%" in line


@pytest.mark.parametrize("planner", [*PLANNERS, "expert"])
def test_every_planner_is_known(planner):
    TrialsConfig(planner=planner)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"planner": "magic"}, "mppi"),
        ({"task": "juggle"}, "grasp"),
        ({"trials": 0}, "at least 1"),
        ({"workers": 0}, "at least 1"),
    ],
)
def test_wrong_settings_say_what_is_valid(wrong, hint):
    with pytest.raises(UserError, match=hint):
        TrialsConfig(**wrong)


def test_expert_grasps_and_the_file_says_so(model_folder, tmp_path, capsys):
    file = tmp_path / "out" / "trials.json"
    config = TrialsConfig(model=str(model_folder), planner="expert", trials=2, workers=1, json=file)
    run_trials(config)
    result = json.loads(file.read_text())
    assert {*KEYS, "model", "git"} <= result.keys()
    assert result["successes"] == 2
    assert result["seeds"] == [5_000_000, 5_000_001]
    assert result["git"] == "abc" and len(result["model"]["sha256"]) == 64
    assert "2/2" in capsys.readouterr().out


def test_doing_nothing_fails_at_the_time_limit(model_folder):
    config = TrialsConfig(model=str(model_folder), planner="noop", trials=1, workers=1)
    result = run_trials(config)
    assert result["successes"] == 0 and result["mean_steps"] == 100
    assert result["failed_seeds"] == [5_000_000]
