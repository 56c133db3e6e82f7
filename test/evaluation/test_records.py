"""No finished trial is lost, whatever happens; nothing of other settings is mixed in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from wm_planner.errors import UserError
from wm_planner.evaluation.records import Trial, TrialLog, read_run, write_json

SETTINGS = {"task": "grasp", "planner": "mppi", "model": {"sha256": "ab"}, "git": "1"}
STAGES = ("reach", "lift", "hold")


def trial(seed: int = 5, ended: str = "success", reached: tuple[int, ...] = (0, 1, 2)) -> Trial:
    return Trial(
        planner="mppi",
        seed=seed,
        success=ended == "success",
        ended=ended,
        steps=3,
        seconds=0.3,
        reached=list(reached),
        rewards=[0.1, 0.2, 0.3],
        expected_returns=[1.5, math.nan, 2.5],
        plan_ms=[10.0, 20.0, 30.0],
        frame_to_command_ms=[11.0, 21.0, 31.0],
    )


def write(folder: Path, seeds, settings=SETTINGS) -> TrialLog:
    log = TrialLog(folder, settings)
    for seed in seeds:
        log.add(trial(seed))
    return log


def test_what_was_written_is_read_back(tmp_path):
    write(tmp_path / "run", [5, 6]).close()
    settings, trials = read_run(tmp_path / "run")
    assert settings == SETTINGS
    assert [t.seed for t in trials] == [5, 6]
    assert math.isnan(trials[0].expected_returns[1])
    assert trials[0]._replace(expected_returns=[]) == trial(5)._replace(expected_returns=[])


def test_each_line_is_plain_json(tmp_path):
    write(tmp_path, [5]).close()
    (line,) = (tmp_path / "trials.jsonl").read_text().splitlines()
    assert json.loads(line)["expected_returns"] == [1.5, None, 2.5]


def test_a_trial_is_on_the_disk_before_the_log_is_closed(tmp_path):
    log = write(tmp_path, [5])
    assert [t.seed for t in read_run(tmp_path)[1]] == [5]
    log.close()


def test_a_killed_run_goes_on_without_the_line_that_was_cut_short(tmp_path):
    write(tmp_path, [5, 6]).close()
    file = tmp_path / "trials.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 3])
    log = write(tmp_path, [7])
    assert [t.seed for t in log.trials] == [5, 6, 7]
    log.close()
    assert [t.seed for t in read_run(tmp_path)[1]] == [5, 6, 7]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "stack"}, "task was grasp, is now stack"),
        ({"model": {"sha256": "cd"}}, "model was .*ab.*, is now .*cd"),
        ({"new": 1}, "new was None"),
    ],
)
def test_trials_of_other_settings_are_not_mixed_in(tmp_path, changed, message):
    write(tmp_path, [5]).close()
    before = (tmp_path / "trials.jsonl").read_bytes()
    with pytest.raises(UserError, match=message):
        TrialLog(tmp_path, {**SETTINGS, **changed})
    assert (tmp_path / "trials.jsonl").read_bytes() == before


def test_another_revision_or_machine_may_go_on(tmp_path):
    write(tmp_path, [5]).close()
    assert len(TrialLog(tmp_path, {**SETTINGS, "git": "2", "machine": {}}).trials) == 1


def test_a_full_disk_says_so_and_what_is_safe(tmp_path):
    log = write(tmp_path, [5, 6])
    log.close()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/trials.jsonl").symlink_to("/dev/full")
    full = TrialLog(tmp_path / "full", SETTINGS)
    full.trials += log.trials
    with pytest.raises(UserError, match=r"No space left.*2 finished trials are safe.*free some"):
        full.add(trial(7))
    full.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*choose a folder that can be written"):
        TrialLog(tmp_path / "file", SETTINGS)
    with pytest.raises(UserError, match=r"Not a directory|File exists"):
        write_json(tmp_path / "file" / "out.json", {})


def test_a_line_that_is_no_trial_is_named(tmp_path):
    write(tmp_path, [5]).close()
    with (tmp_path / "trials.jsonl").open("a") as file:
        file.write('{"seed": 6}\n')
    with pytest.raises(UserError, match="line 2 is no trial"):
        read_run(tmp_path)


@pytest.mark.parametrize("missing", ["settings.json", "trials.jsonl"])
def test_a_folder_without_a_run_is_named(tmp_path, missing):
    write(tmp_path, [5]).close()
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=rf"{missing}: no such file"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("ended", "reached", "failure"),
    [
        ("success", (0, 1, 2), ""),
        ("time limit", (0, 0, 0), "stayed at 'reach'"),
        ("time limit", (0, 1, 1), "stayed at 'lift'"),
        ("time limit", (0, 2, 0), "fell back from 'hold' to 'reach'"),
        ("operator stop", (0, 2, 0), "operator stop"),
        ("fault", (), "fault"),
    ],
)
def test_failures_are_told_by_how_far_the_task_came(ended, reached, failure):
    assert trial(ended=ended, reached=reached).failure(STAGES) == failure
