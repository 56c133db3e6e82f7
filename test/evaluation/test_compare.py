"""Two runs are compared on the seeds they share, and no more is said than was shown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path

import pytest

from wm_planner.cli import main
from wm_planner.errors import UserError
from wm_planner.evaluation.compare import CompareConfig, compare
from wm_planner.evaluation.records import Trial, TrialLog


def run(
    folder: Path, outcomes: Mapping[int, bool], planner: str = "mppi", task: str = "grasp"
) -> Path:
    log = TrialLog(folder, {"task": task, "planner": "mppi"})
    for seed, success in outcomes.items():
        ended = "success" if success else "time limit"
        seconds = 3.0 if planner == "mppi" else 4.0
        log.add(Trial(planner, seed, success, ended, 1, seconds, [0], [0.5], [1.0], [10.0], [11.0]))
    log.close()
    return folder


def test_pairs_are_counted_on_shared_seeds_only(tmp_path):
    a = run(tmp_path / "a", {1: True, 2: True, 3: False, 4: False, 9: True})
    b = run(tmp_path / "b", {4: False, 3: True, 2: False, 1: True, 7: True, 8: True})
    result = compare(CompareConfig(a, b))
    assert result["pairs"] == {"both": 1, "only_a": 1, "only_b": 1, "neither": 1}
    assert result["seeds"] == 4 and result["unpaired"] == {"a": 1, "b": 2}
    assert result["difference"] == 0 and result["mcnemar_p"] == 1


def test_a_clear_difference_is_said_and_an_unclear_one_is_not(tmp_path, capsys):
    good = run(tmp_path / "good", dict.fromkeys(range(40), True))
    bad = run(tmp_path / "bad", {seed: seed % 2 == 0 for seed in range(40)})
    near = run(tmp_path / "near", {seed: seed != 5 for seed in range(40)})
    result = compare(CompareConfig(bad, good))
    assert result["difference"] == 0.5 and result["interval95"][0] > 0.3
    assert result["mcnemar_p"] < 1e-5 and "B is better" in capsys.readouterr().out
    compare(CompareConfig(good, bad))
    assert "A is better" in capsys.readouterr().out
    compare(CompareConfig(good, near))
    assert "No difference was shown" in capsys.readouterr().out


def test_a_published_example_gives_the_published_figures_and_a_careful_verdict(tmp_path, capsys):
    """Cavo et al. 2012, Newcombe's interval and the exact McNemar test, as given by the R package
    contingencytables, which goes with Fagerland, Lydersen and Laake's book (2017, chapter 8).
    """
    table = {(True, True): 59, (True, False): 6, (False, True): 16, (False, False): 80}
    outcomes = [pair for pair, count in table.items() for pair in repeat(pair, count)]
    a = run(tmp_path / "a", {seed: pair[0] for seed, pair in enumerate(outcomes)})
    b = run(tmp_path / "b", {seed: pair[1] for seed, pair in enumerate(outcomes)})
    result = compare(CompareConfig(a, b))
    assert result["difference"] == pytest.approx(0.0621, abs=5e-5)
    assert result["interval95"] == pytest.approx([0.0046, 0.1186], abs=5e-5)
    assert result["mcnemar_p"] == pytest.approx(0.052479, abs=5e-7)
    assert "B may be better" in capsys.readouterr().out


def test_times_are_compared_where_both_succeeded(tmp_path, capsys):
    a = run(tmp_path / "a", {1: True, 2: False})
    b = run(tmp_path / "b", {1: False, 2: False})
    result = compare(CompareConfig(a, b, json=tmp_path / "c.json"))
    assert math.isnan(result["a"]["seconds_to_success"])
    assert "no seed on which both succeeded" in capsys.readouterr().out
    assert json.loads((tmp_path / "c.json").read_text())["seconds_b_minus_a"] is None


def test_a_planner_that_never_planned_has_no_planning_time(tmp_path, capsys):
    log = TrialLog(tmp_path / "run", {"task": "grasp", "planner": "mppi"})
    log.add(Trial("noop", 1, False, "time limit", 1, 3.0, [0], [0.0], [], [], []))
    log.close()
    compare(CompareConfig(tmp_path / "run", tmp_path / "run", "noop", "noop"))
    out = capsys.readouterr().out
    assert "never planned" in out and "nan" not in out


def test_two_planners_of_one_run_are_compared_by_name(tmp_path):
    folder = run(tmp_path / "run", {1: True, 2: False})
    run(folder, {1: True, 2: True}, planner="prior")
    result = compare(CompareConfig(folder, folder, planner_b="prior"))
    assert (result["a"]["planner"], result["b"]["planner"]) == ("mppi", "prior")
    assert result["pairs"]["only_b"] == 1 and result["seconds_b_minus_a"] == 1.0
    assert [result[side]["seconds_to_success"] for side in ("a", "b")] == [3.0, 4.0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"planner_a": "magic"}, "no trial of planner 'magic'; there is mppi"),
        ({"b": "other seeds"}, "no seed in common: A has 1 to 2, B has 5 to 5"),
        ({"b": "stack"}, "'grasp' and B of 'stack'"),
        ({"b": "gone"}, r"gone/settings\.json: no such file"),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path, config, message):
    run(tmp_path / "a", {1: True, 2: True})
    run(tmp_path / "other seeds", {5: True})
    run(tmp_path / "stack", {1: True}, task="stack")
    b = tmp_path / config.get("b", "a")
    with pytest.raises(UserError, match=message):
        compare(CompareConfig(tmp_path / "a", b, planner_a=config.get("planner_a", "")))


def test_the_command_takes_two_folders_and_writes_json(tmp_path, capsys):
    a, b = run(tmp_path / "a", {1: True}), run(tmp_path / "b", {1: False})
    assert main(["compare", str(a), str(b), "--json", str(tmp_path / "c.json")]) == 0
    assert json.loads((tmp_path / "c.json").read_text())["pairs"]["only_a"] == 1
    assert main(["compare", str(a)]) == 2
    assert "required: b" in capsys.readouterr().err
