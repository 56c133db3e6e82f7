"""The generated text says no more than the intervals show; figures that are missing are dashes."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from wm_planner.commands.leaderboard.answer import answers, stands_out
from wm_planner.commands.leaderboard.page import render
from wm_planner.commands.leaderboard.row import Decision, Milliseconds, Row, Successes

ROW = Row(
    family="first", task="grasp", scene="grasp", model="runs/<first>", sha256="0" * 64,
    search={"samples": 128, "iterations": 4, "horizon": 5},
    planner=Successes.of(98, 100), prior=Successes.of(97, 100),
    without_prior=Successes.of(90, 100), noop=Successes.of(0, 100),
    plan_ms=Milliseconds(20.0, 25.0), encode_ms=Milliseconds(1.0, 2.0), play_fps=200.0,
    updates_per_s=2.5, batch_size=24, batch_steps=32,
    training={"updates": 1500, "wall_minutes": 10.2}, parameters=1_500_000,
    decoder_parameters=400_000, horizon=100, horizon_limit=100, drift=2.0, controllability=0.78,
    decision=Decision(0.012, 0.3, 0.75),
)  # fmt: skip
WHY = "it knows no reward, so plans have no imagined return to compare"


def row(family: str, successes: int, **changes: Any) -> Row:
    return replace(ROW, family=family, planner=Successes.of(successes, 100), **changes)


def verdict(*rows: Row) -> str:
    (answer,) = answers(rows)
    return answer.verdict


def test_one_whose_interval_lies_above_plans_best():
    assert verdict(row("a", 40), row("b", 98)) == (
        "On grasp b, 98/100 (93.0 to 99.4 %) plans best; the intervals of "
        "a, 40/100 (30.9 to 49.8 %) lie below."
    )


def test_overlapping_intervals_are_named_as_such():
    told = verdict(row("a", 95), row("b", 98), row("c", 20))
    assert "most trials succeed with b" in told
    assert "overlaps that of a, 95/100" in told and "no difference was shown" in told
    assert "Below, with intervals apart: c, 20/100" in told


def test_as_many_successes_are_no_order():
    assert verdict(row("a", 98), row("b", 98)).startswith("On grasp as many trials succeed with a")


def test_who_never_succeeds_plans_not_best():
    none = Successes.of(0, 100)
    lost = row("a", 0, prior=none, noop=none)
    assert verdict(lost, row("b", 0)).startswith("On grasp no trial succeeded: a, 0/100")
    assert "better than doing nothing was not shown" in answers([lost])[0].details[0]


def test_only_who_lies_above_all_others_stands_out():
    a, b, c = row("a", 98), row("b", 95), row("c", 20)
    assert not stands_out(a, [a, b, c]) and stands_out(b, [b, c]) and not stands_out(c, [b, c])


def test_costs_are_told_beside_the_first_and_planning_beside_the_prior():
    slow = row("slow", 90, plan_ms=Milliseconds(50.0, 60.0), prior=Successes.of(10, 100))
    first, second = answers([ROW, slow])[0].details
    assert "20.0 ms a plan (95 of 100 below 25.0); 1.50 million parameters" in first
    assert "that planning makes a difference was not shown" in first
    assert "2.50 times that of first" in second and "planning succeeds more often" in second


@pytest.fixture(scope="module")
def page() -> str:
    blind = row(
        "blind", 50, decision=None, play_fps=None, prior=None,
        reasons={"decision": WHY, "play_fps": "it does not decode", "prior": "it has none"},
    )  # fmt: skip
    rows = [blind, ROW]
    result = {
        "rows": rows,
        "answer": [asdict(answer) for answer in answers(rows)],
        "families": {"first": "the <first> one", "blind": "another"},
        "seeds": {"trials": [5_000_000, 5_000_099], "evaluation": 5_000_000, "training": 0},
        "budget": {
            "training": "1,500 updates", "trained": True, "privileged": False, "data": "data",
            "episodes": 0, "search": {"samples": 128, "iterations": 4, "horizon": 5},
            "taken": ["blind:grasp=models/blind"],
        },
        "machine": {"processor": "p", "class": "AVX2", "device": "cpu", "torch": "2"},
        "quick": False,
        "git": "g",
    }  # fmt: skip
    picture = np.random.default_rng(0).integers(0, 255, (300, 520, 3), np.uint8)
    return render(rows, result, {"grasp": {"front": picture}})


def text_of(page: str) -> str:
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|&nbsp;", " ", page))


def test_the_page_has_every_figure_the_best_first(page):
    text = text_of(page)
    assert text.index("first 98/100 (93.0 to 99.4)") < text.index("blind 50/100")
    assert "20.0 25.0 1.0 1.50 M 0.40 M 2.50 24 \u00d7 32 1,500 updates, 10 min 200" in text
    assert "\u2265 100 2.0 0.78 1.2 % 30.0 % 0.75" in text
    assert "5,000,000 to 5,000,099" in text and "training with seed 0" in text and "AVX2" in text
    assert "without what only a simulation knows" in text
    assert "whatever their data and budget: blind:grasp=models/blind" in text


def test_what_a_family_cannot_have_is_a_dash_with_its_reason(page):
    text = text_of(page)
    assert text.count("\u2013 1") == 3  # regret, by chance, rank
    assert f"1 {WHY}." in text
    assert "2 it does not decode." in text
    assert "Its prior alone was not measured: it has none." in text


def test_the_page_needs_nothing_else_and_escapes_text(page):
    assert "http" not in page and "<first>" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert page.count('class="chart"') == 1 and page.count('class="interval"') == 2
