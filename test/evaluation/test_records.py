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


def test_a_run_goes_on_when_only_the_words_on_the_model_changed(tmp_path):
    told = {**SETTINGS, "model": {"sha256": "ab", "card": "before"}}
    write(tmp_path / "run", [5], told).close()
    log = write(tmp_path / "run", [6], {**told, "model": {"sha256": "ab", "card": "after"}})
    assert [t.seed for t in log.trials] == [5, 6]
    log.close()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "stack"}, "task was grasp, is now stack"),
        ({"model": {"sha256": "cd"}}, r"model\.sha256 was ab, is now cd"),
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


def spoil(folder: Path, **changes: object) -> None:
    """Write a run whose only trial has these fields."""
    write(folder, [5]).close()
    values = json.loads((folder / "trials.jsonl").read_text()) | changes
    (folder / "trials.jsonl").write_text(json.dumps(values) + "\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strip": "../../x.png"}, "strip is .* expected a path inside the run's folder"),
        ({"video": "/etc/passwd"}, "video is .* expected a path inside"),
        ({"bag": "bags/../../x"}, "bag is .* expected a path inside"),
        ({"strip": "a\nb"}, "strip is"),
        ({"strip": "a" * 300}, "strip is"),
        ({"planner": ["mppi"]}, "planner is"),
        ({"seed": -1}, "seed is"),
        ({"seed": True}, "seed is"),
        ({"seed": 10**30}, "more than 64 bits"),
        ({"success": 1}, "success is 1, expected true or false"),
        ({"ended": "boredom"}, "ended is 'boredom'"),
        ({"rewards": [float("nan")]}, "NaN is no number"),
        ({"rewards": [None]}, "rewards is"),
        ({"rewards": [1e300]}, "rewards is"),
        ({"plan_ms": [True]}, "plan_ms is"),
        ({"reached": [1000]}, "reached is"),
        ({"expected_returns": 3}, "expected_returns is"),
        ({"planner": "\ud800"}, "surrogates not allowed"),
        ({"note": 1}, "unknown key 'note'"),
    ],
)
def test_a_field_that_is_none_of_a_trials_is_named(tmp_path, changes, message):
    spoil(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[" * 100_000, "nested too deeply|more than 32 levels"),
        (b"[" * 40 + b"]" * 40, "more than 32 levels"),
        (b"\xff\xfe", "line 2 is no trial"),
        (b"7", "expected a mapping, got int"),
        (b"1" * 5000, "line 2 is no trial"),
        (b" " * 2**23, "more than 8388608 bytes"),
    ],
)
def test_a_line_that_is_a_trap_is_named(tmp_path, line, message):
    write(tmp_path, [5]).close()
    with (tmp_path / "trials.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": "reach"}, "stages is of type str"),
        ({"stages": [1]}, "stages is"),
        ({"model": {"sha256": 5}}, "sha256 is of type int"),
        ({"model": {"config": {"network": {"discount": 1.0}}}}, "discount is 1.0"),
        ({"config": {"time_limit": "long"}}, "time_limit is"),
        ({"machine": {"torch": []}}, "torch is of type list"),
        ({"over": {}}, "over is of type dict"),
        ([1], "settings is of type list"),
    ],
)
def test_settings_that_no_run_has_are_named(tmp_path, settings, message):
    write(tmp_path, [5]).close()
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)


def test_a_stage_that_the_task_has_not_is_named(tmp_path):
    settings = {**SETTINGS, "stages": ["reach"]}
    write(tmp_path, [5], settings).close()
    with pytest.raises(UserError, match="reached stage 2, the task has 1"):
        TrialLog(tmp_path, settings)


@pytest.mark.parametrize("name", ["strips", "trials.jsonl", "report.html", "bags/mppi_5"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_out_of_the_runs_folder_is_refused(tmp_path, name, there):
    """A run from elsewhere must not make `trials` or `report` write over other files."""
    folder, victim = tmp_path / "run", tmp_path / "victim"
    write(folder, [5]).close()
    if there:
        victim.write_text("precious")
    (folder / name).unlink(missing_ok=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(victim)
    with pytest.raises(UserError, match="leads out of the run's folder"):
        TrialLog(folder, SETTINGS)
    assert not there or victim.read_text() == "precious"


def test_a_link_of_a_files_name_is_replaced_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out.json").symlink_to(victim)
    (tmp_path / "out.json.partial").symlink_to(victim)
    write_json(tmp_path / "out.json", {"a": 1})
    assert victim.read_text() == "precious"
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": 1}


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
