"""The leaderboard as one HTML page that opens from the disk, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from wm_planner.commands.leaderboard.answer import stands_out
from wm_planner.commands.leaderboard.config import GOAL
from wm_planner.commands.leaderboard.row import Row
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.report import charts, embedded
from wm_planner.evaluation.report.charts import Mark
from wm_planner.evaluation.report.template import template

_STYLES = ("", "second", "third", "fourth", "fifth")  # of the families' marks in charts

Pictures = Mapping[str, Mapping[str, np.ndarray]]
"""Of each scene, of each camera: (h, w, 3) uint8 RGB."""


class Board(NamedTuple):
    """The rows of one task, the most successful first."""

    task: str
    scene: str
    rows: list[tuple[Row, Markup, bool]]  # the interval, drawn; whether it stands out
    success: str  # when a trial is one, where the task's name does not say it
    chart: Markup


def render(rows: Sequence[Row], result: Mapping[str, Any], pictures: Pictures) -> str:
    """The page; `result` is what --json writes."""
    reasons = dict.fromkeys(reason for row in rows for reason in row.reasons.values())
    return template("leaderboard.html.j2").render(
        result=result,
        rows=rows,
        boards=_boards(rows, list(result["families"])),
        notes={reason: i for i, reason in enumerate(reasons, 1)},
        made=_made(result),
        pictures=[
            (scene, camera, embedded.jpeg(picture))
            for scene, own in pictures.items()
            for camera, picture in own.items()
        ],
    )


def _boards(rows: Sequence[Row], families: Sequence[str]) -> list[Board]:
    boards = []
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task]
        own.sort(key=lambda row: -row.planner.rate if row.planner else 1)
        marks = [_mark(row, families) for row in own if row.planner and row.plan_ms]
        chart = charts.marks(marks, "plan, ms (p50)", "share of trials")
        drawn = [(row, Markup(_interval(row)), stands_out(row, own)) for row in own]
        boards.append(Board(task, own[0].scene, drawn, _success(task), Markup(chart)))
    return boards


def _success(task: str) -> str:
    if task != GOAL:
        return ""
    c = GoalsConfig()
    return (
        f"A trial succeeds when hand and cubes are within {100 * c.distance:g} cm of where the "
        f"goal picture shows them, all at once, in at most {c.patience:g} times the expert's time."
    )


def _mark(row: Row, families: Sequence[str]) -> Mark:
    assert row.planner is not None and row.plan_ms is not None
    s, style = row.planner, _STYLES[families.index(row.family) % len(_STYLES)]
    return Mark(row.family, row.plan_ms.p50, s.rate, s.low, s.high, style)


def _interval(row: Row) -> str:
    s = row.planner
    return "" if s is None else charts.interval_bar(s.rate, s.low, s.high)


def _made(result: Mapping[str, Any]) -> str:
    """How the models came about, in words."""
    budget, taken = result["budget"], result["budget"]["taken"]
    labels = "with" if budget["privileged"] else "without"
    episodes = f", the first {budget['episodes']} episodes of each" if budget["episodes"] else ""
    trained = (
        f"Each family is trained with its own defaults for {budget['training']} on the datasets in "
        f"{budget['data']}{episodes}, {labels} what only a simulation knows."
    )
    as_they_are = (
        "Not trained here but taken as they are, whatever their data and budget: "
        f"{', '.join(taken)}."
    )
    parts = [trained] if budget["trained"] else []
    return " ".join([*parts, as_they_are] if taken else parts)
