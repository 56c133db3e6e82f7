"""The doctor finds out what is here, by trying it, and says what is not."""

from __future__ import annotations

import json

import pytest

from wm_planner.commands import doctor as module
from wm_planner.commands.doctor import DoctorConfig, doctor, examine
from wm_planner.errors import UserError


@pytest.fixture(scope="module")
def found():
    return examine(DoctorConfig(trials=1))


def test_everything_is_tried_and_measured(found):
    assert not found["missing"]
    assert found["precision"] in ("float32", "bfloat16") and found["updates_per_s"] > 0
    assert found["backend"] in found["backends_ms"]
    assert 0 < found["plan_ms"]["p50"] <= found["plan_ms"]["p95"]
    assert found["frames_per_s"] > 1 and found["gl"] and found["dds"]["implementation"]
    assert set(found["budget"]) == {"samples", "iterations", "horizon"}
    taken = found["frame_to_command_ms"]
    assert found["holds_rate"] == (taken["p95"] <= found["period_ms"])


def test_the_verdict_is_the_exit_code_and_the_json(found, monkeypatch, tmp_path, capsys):
    for holds in (True, False):
        monkeypatch.setattr(module, "examine", lambda _, h=holds: {**found, "holds_rate": h})
        assert doctor(DoctorConfig(json=tmp_path / "doctor.json")) == (0 if holds else 1)
        assert json.loads((tmp_path / "doctor.json").read_text())["holds_rate"] is holds
        told = capsys.readouterr().out
        assert ("would NOT hold" in told) is not holds
        assert found["processor"] in told and "updates/s" in told and "frame to command" in told


def test_a_part_that_does_not_work_is_told_and_the_others_are_examined(monkeypatch, capsys):
    def broken(*_: object) -> dict:
        raise RuntimeError("no display\nand more")

    for part in ("_rendering", "_demo", "_training"):
        monkeypatch.setattr(module, part, broken)
    monkeypatch.setenv("CXX", "no-such-compiler")
    found = examine(DoctorConfig())
    assert found["missing"]["rendering"] == "does not work: no display"
    assert "apt install g++" in found["missing"]["C++ compiler"]
    assert found["holds_rate"] is False and found["plan_ms"]["p50"] > 0
    monkeypatch.setattr(module, "examine", lambda _: found)
    assert doctor(DoctorConfig()) == 1
    assert "the demo: does not work" in capsys.readouterr().out


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(UserError, match="trials is 0"):
        DoctorConfig(trials=0)
