"""A dataset as one HTML page that opens from the disk, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from markupsafe import Markup

from wm_planner.evaluation.dataset.findings import Finding
from wm_planner.evaluation.dataset.lag import Lag
from wm_planner.evaluation.dataset.survey import Film, Survey
from wm_planner.evaluation.records import write_whole
from wm_planner.evaluation.report import charts, embedded
from wm_planner.evaluation.report.charts import Series
from wm_planner.evaluation.report.template import template

_TILE = 128  # pixels
_NAMES = ("x", "y", "z", "gripper")
_FELT = (
    "hand x", "hand y", "hand z", "goal ahead x", "goal ahead y", "goal ahead z", "finger",
    "gripper command",
)  # fmt: skip


class Training(NamedTuple):
    """What a training of this dataset would take here."""

    family: str
    updates: int
    minutes: float
    machine: str


class Checked(NamedTuple):
    """All that the page shows."""

    path: Path
    found: Survey
    lag: Lag
    period: float  # s of a step
    findings: list[Finding]
    training: Training | None
    described: dict[str, Any]  # what the dataset says of itself


class Range(NamedTuple):
    """A number of the proprioception."""

    name: str
    low: float
    high: float
    bar: Markup


def write_page(checked: Checked, page: Path) -> None:
    """Whole or not at all."""
    write_whole(page, render(checked))


def render(checked: Checked) -> str:
    """The page."""
    found, lag = checked.found, checked.lag
    actions = np.concatenate(found.actions)
    worked = sum(found.successes)
    return template("dataset.html.j2").render(
        name=checked.path.name,
        found=found,
        worked=worked,
        minutes=found.steps * checked.period / 60,
        findings=checked.findings,
        films=[(film, _strips(film)) for film in found.films],
        lengths=Markup(charts.histogram([float(n) for n in found.lengths], "steps")),
        actions=[
            (_named(i, actions.shape[1]), Markup(charts.histogram(column.tolist(), "action")))
            for i, column in enumerate(actions.T)
        ],
        ranges=_ranges(found),
        lag=lag,
        lag_ms=1e3 * lag.steps * checked.period,
        lag_chart=_lag_chart(lag),
        training=checked.training,
        described=checked.described,
        instructions=found.instructions.most_common(20),
    )


def _named(i: int, size: int) -> str:
    return _NAMES[i] if size == len(_NAMES) else f"action {i}"


def _strips(film: Film) -> list[tuple[str, str]]:
    """A picture for each camera, as a data URI."""
    strips = []
    for camera, stills in film.stills.items():
        tiles = [cv2.resize(s, (_TILE, _TILE), interpolation=cv2.INTER_NEAREST) for s in stills]
        strips.append((camera, embedded.jpeg(np.hstack(tiles))))
    return strips


def _ranges(found: Survey) -> list[Range]:
    """Each number of the proprioception, beside the edges of the workspace at -1 and 1."""
    proprio = np.concatenate(found.proprio)
    rows = []
    for i, column in enumerate(proprio.T):
        low, middle, high = (float(v) for v in np.quantile(column, (0.0, 0.5, 1.0)))
        name = _FELT[i] if proprio.shape[1] == len(_FELT) else f"number {i}"
        rows.append(Range(name, low, high, Markup(_range_bar(low, middle, high))))
    return rows


def _range_bar(low: float, middle: float, high: float) -> str:
    """On [-1.5, 1.5], with marks at -1 and 1."""
    a, b, c, left, right = (
        70 + 66 * min(max(value, -1.5), 1.5) / 1.5 for value in (low, middle, high, -1.0, 1.0)
    )
    edges = "".join(
        f'<line class="guide" x1="{x:.1f}" y1="1" x2="{x:.1f}" y2="13"/>' for x in (left, right)
    )
    return (
        '<svg class="interval" viewBox="0 0 140 14" role="img" '
        f'aria-label="{low:.2f} to {high:.2f}">{edges}'
        f'<line class="range" x1="{a:.1f}" y1="7" x2="{c:.1f}" y2="7"/>'
        f'<circle class="dot" cx="{b:.1f}" cy="7" r="4"/></svg>'
    )


def _lag_chart(lag: Lag) -> Markup:
    steps = [float(k) for k in range(len(lag.correlations))]
    line = Series("correlation of an action with the hand's motion", steps, lag.correlations)
    return Markup(charts.lines([line], "steps later", "correlation"))
