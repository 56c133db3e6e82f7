"""Small charts as SVG text, coloured by the page's CSS variables: they need nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

_WIDTH, _HEIGHT = 420, 220  # of the view box; the page scales it
_LEFT, _BOTTOM, _TOP, _RIGHT = 58, 44, 12, 14  # margins


def histogram(values: Sequence[float], label: str, bins: int = 24) -> str:
    """How often values occur, from the smallest to the 99.5th percentile; `label` has the unit."""
    if not values:
        return ""
    top = float(np.percentile(values, 99.5))
    low = min(values)
    if top - low < 1e-6:  # all alike: one bar in the middle
        low, top, bins = low - 0.5, low + 0.5, 5
    counts, edges = np.histogram(np.clip(values, low, top), bins, (low, top))
    frame = _Frame((edges[0], edges[-1]), (0.0, float(counts.max())), label, "count")
    bars = "".join(
        _rect(frame.x(a) + 0.5, frame.y(n), frame.x(b) - frame.x(a) - 1, frame.y(0) - frame.y(n))
        for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
        if n
    )
    return frame.svg(bars)


def cumulative(values: Sequence[float], total: int, label: str, end: float) -> str:
    """Share of `total` that is done by each time up to `end`; what never is keeps it below 1."""
    if not values or total < 1:
        return ""
    ordered = sorted(values)
    frame = _Frame((0.0, max(end, ordered[-1])), (0.0, 1.0), label, "share of trials")
    points = [(0.0, 0.0)]
    for i, value in enumerate(ordered, 1):
        points += [(value, (i - 1) / total), (value, i / total)]
    points.append((max(end, ordered[-1]), len(ordered) / total))
    path = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in points)
    return frame.svg(f'<polyline class="line" points="{path}"/>')


def scatter(x: Sequence[float], y: Sequence[float], x_label: str, y_label: str) -> str:
    """Points around the diagonal on which both are equal."""
    if not x:
        return ""
    low, high = min(*x, *y, 0.0), max(*x, *y)
    frame = _Frame((low, high), (low, high), x_label, y_label, height=_WIDTH - 30)
    diagonal = (
        f'<line class="guide" x1="{frame.x(low):.1f}" y1="{frame.y(low):.1f}" '
        f'x2="{frame.x(high):.1f}" y2="{frame.y(high):.1f}"/>'
    )
    points = "".join(
        f'<circle class="dot" cx="{frame.x(a):.1f}" cy="{frame.y(b):.1f}" r="1.6"/>'
        for a, b in zip(x, y, strict=True)
    )
    return frame.svg(diagonal + points)


class Series(NamedTuple):
    """A line of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]  # NaN leaves a gap
    style: str = ""  # a class of the page's style: null, velocity, floor, second, third


def lines(series: Sequence[Series], x_label: str, y_label: str, top: float | None = None) -> str:
    """Lines over the same axes, named in a legend; what is above `top` is cut off."""
    series = [line for line in series if any(map(math.isfinite, line.y))]
    if not series:
        return ""
    points = [
        [p for p in zip(line.x, line.y, strict=True) if math.isfinite(p[1])] for line in series
    ]
    xs, ys = ([p[i] for line in points for p in line] for i in (0, 1))
    high = max(ys) if top is None else top
    frame = _Frame((min(xs), max(xs)), (min(0.0, *ys), high), x_label, y_label)
    drawn = []
    for line, own in zip(series, points, strict=True):
        path = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in _below(own, high))
        drawn.append(f'<polyline class="line {line.style}" points="{path}"/>')
    legend = "".join(
        f'<span><svg class="key" viewBox="0 0 22 8"><line class="line {line.style}" '
        f'x1="1" y1="4" x2="21" y2="4"/></svg>{escape(line.name)}</span>'
        for line in series
    )
    return f'<div class="legend">{legend}</div>' + frame.svg("".join(drawn))


class Mark(NamedTuple):
    """A share with its interval, at a place of the x axis."""

    name: str
    x: float
    rate: float
    low: float
    high: float
    style: str = ""  # a class of the page's style: second, third, fourth, fifth


def marks(shown: Sequence[Mark], x_label: str, y_label: str) -> str:
    """Shares over the x axis from zero on, named in a legend."""
    if not shown:
        return ""
    frame = _Frame((0.0, 1.1 * max(m.x for m in shown)), (0.0, 1.0), x_label, y_label)
    drawn = "".join(
        f'<line class="line {m.style}" x1="{frame.x(m.x):.1f}" x2="{frame.x(m.x):.1f}" '
        f'y1="{frame.y(m.low):.1f}" y2="{frame.y(m.high):.1f}"/>'
        f'<circle class="mark {m.style}" cx="{frame.x(m.x):.1f}" cy="{frame.y(m.rate):.1f}" r="4"/>'
        for m in shown
    )
    legend = "".join(
        f'<span><svg class="key" viewBox="0 0 22 8"><circle class="mark {m.style}" cx="11" cy="4" '
        f'r="4"/></svg>{escape(m.name)}</span>'
        for m in shown
    )
    return f'<div class="legend">{legend}</div>' + frame.svg(drawn)


class Dot(NamedTuple):
    """What came of predictions that were alike, with its interval, and of how many."""

    predicted: float
    observed: float
    low: float
    high: float
    moments: int


def reliability_diagram(dots: Sequence[Dot], x_label: str, y_label: str) -> str:
    """Around the diagonal on which what was predicted came true; counts stand above."""
    if not dots:
        return ""
    side = (min(0.0, *(d.predicted for d in dots)), max(1.0, *(d.predicted for d in dots)))
    frame = _Frame(side, (0.0, 1.2), x_label, y_label, height=_WIDTH - 10)
    drawn = [
        f'<line class="guide" x1="{frame.x(0):.1f}" y1="{frame.y(0):.1f}" '
        f'x2="{frame.x(1):.1f}" y2="{frame.y(1):.1f}"/>'
    ]
    most = max(d.moments for d in dots)
    for d in dots:
        x, y = frame.x(d.predicted), frame.y(1.04)
        turned = f'transform="rotate(-90 {x + 4:.1f} {y:.1f})"'
        drawn += [
            f'<line class="range" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{frame.y(d.low):.1f}" y2="{frame.y(d.high):.1f}"/>',
            f'<circle class="mark" cx="{x:.1f}" cy="{frame.y(d.observed):.1f}" '
            f'r="{2.5 + 3.5 * math.sqrt(d.moments / most):.1f}"/>',
            _text(x + 4, y, f"{d.moments:,}", "start", turned),
        ]
    return frame.svg("".join(drawn))


def _below(points: Sequence[tuple[float, float]], top: float) -> list[tuple[float, float]]:
    """The line's part up to where it first crosses `top`."""
    kept: list[tuple[float, float]] = []
    for x, y in points:
        if y > top:
            if kept:
                a, b = kept[-1]
                kept.append((a + (x - a) * (top - b) / (y - b), top))
            break
        kept.append((x, y))
    return kept


def interval_bar(rate: float, low: float, high: float) -> str:
    """A proportion as a dot on [0, 1], with its interval."""
    a, b, c = (4 + 132 * value for value in (low, rate, high))
    return (
        '<svg class="interval" viewBox="0 0 140 14" role="img" '
        f'aria-label="{rate:.0%}, {low:.0%} to {high:.0%}">'
        '<line class="axis" x1="4" y1="7" x2="136" y2="7"/>'
        f'<line class="range" x1="{a:.1f}" y1="7" x2="{c:.1f}" y2="7"/>'
        f'<circle class="dot" cx="{b:.1f}" cy="7" r="4"/></svg>'
    )


class _Frame:
    """Axes, and where data lie between them."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_label: str,
        y_label: str,
        height: int = _HEIGHT,
    ) -> None:
        self._height = height
        self._x, self._y = x, (y[0], y[1] if y[1] > y[0] else y[0] + 1)
        self._labels = x_label, y_label

    def x(self, value: float) -> float:
        share = (value - self._x[0]) / max(self._x[1] - self._x[0], 1e-9)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self._y[0]) / (self._y[1] - self._y[0])
        return self._height - _BOTTOM - share * (self._height - _BOTTOM - _TOP)

    def svg(self, content: str) -> str:
        floor, middle = self._height - _BOTTOM, (_WIDTH + _LEFT) / 2
        parts = [
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {self._height}" role="img" '
            f'aria-label="{escape(self._labels[1])} over {escape(self._labels[0])}">',
            "".join(
                f'<path class="axis" d="M{_LEFT} {self.y(value):.1f}H{_WIDTH - _RIGHT}"/>'
                for value in _ticks(*self._y)
            ),
            content,
            f'<path class="floor" d="M{_LEFT} {floor}H{_WIDTH - _RIGHT}"/>',
        ]
        for value in _ticks(*self._x):
            parts.append(_text(self.x(value), floor + 17, _number(value), "middle"))
        for value in _ticks(*self._y):
            parts.append(_text(_LEFT - 6, self.y(value) + 4, _number(value), "end"))
        parts.append(_text(middle, self._height - 6, self._labels[0], "middle"))
        turned = f'transform="rotate(-90 11 {floor / 2:.0f})"'
        parts.append(_text(11, floor / 2, self._labels[1], "middle", turned))
        return "".join([*parts, "</svg>"])


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About so many round numbers in [low, high]."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(s for f in (1, 2, 5, 10) if (s := f * magnitude) >= raw)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:.6g}"


def _rect(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" '
        f'width="{max(width, 0.5):.1f}" height="{height:.1f}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
