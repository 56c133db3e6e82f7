"""What a set of trials comes to."""

from __future__ import annotations

import math

import pytest

from wm_planner.evaluation.records import Trial
from wm_planner.evaluation.summary import describe, summarise

STAGES = ("reach", "lift", "hold")


def trial(seed: int, success: bool = True, stage: int = 0) -> Trial:
    ended = "success" if success else "time limit"
    times = [10.0, 20.0, 30.0]
    return Trial(
        "mppi", seed, success, ended, 3, 0.1 * seed, [stage] * 3, [0.5] * 3, [math.nan] * 3,
        times, [ms + 1 for ms in times],
    )  # fmt: skip


def test_summary_counts():
    trials = [trial(5), trial(6, success=False), trial(7), trial(8)]
    result = summarise(trials, STAGES)
    assert (result["trials"], result["successes"], result["success_rate"]) == (4, 3, 0.75)
    assert result["wilson95"] == pytest.approx([0.301, 0.954], abs=1e-3)
    assert result["seeds"] == [5, 6, 7, 8] and result["failed_seeds"] == [6]
    assert result["seconds_to_success"] == pytest.approx(0.7), "median, of the successes"
    assert result["plan_ms"]["p50"] == 20.0
    assert result["frame_to_command_ms"]["p95"] == pytest.approx(31.0)
    assert (result["mean_steps"], result["mean_reward"]) == (3, 1.5)


def test_outcome_ending_and_failure_mode_are_counted_apart():
    failures = [trial(1, False, 0), trial(2, False, 1), trial(3, False, 1)]
    result = summarise([trial(0), *failures], STAGES)
    assert result["ended"] == {"time limit": 3, "success": 1}
    assert result["failures"] == {"stayed at 'lift'": 2, "stayed at 'reach'": 1}


def test_description_says_which_planner_and_how_sure():
    line = describe("grasp", "mppi without prior", summarise([trial(5)], STAGES))
    assert "mppi without prior" in line and "1/1" in line and "100.0%" in line and "20.7%" in line
