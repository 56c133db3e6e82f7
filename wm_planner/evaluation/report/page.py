"""A run of trials as one HTML page that opens from the disk, without a network."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wm_planner.evaluation.records import Trial, explained, read_run
from wm_planner.evaluation.report import charts
from wm_planner.evaluation.statistics import percentile
from wm_planner.evaluation.summary import summarise

_STRIPS = 3  # pictures of each failure mode
_STRIP_WIDTH = 1120  # pixels
_POINTS = 2000  # of the scatter plot at most
_NAMES = {
    "noop": "does nothing",
    "random": "random actions",
    "prior": "prior alone (no planning)",
    "mppi": "MPPI",
    "cem": "CEM",
    "mppi without prior": "MPPI without the prior",
    "cem without prior": "CEM without the prior",
    "expert": "scripted expert (privileged)",
}


class Row(NamedTuple):
    """A planner in the table of successes."""

    name: str
    main: bool
    summary: dict[str, Any]
    bar: Markup


class Mode(NamedTuple):
    """A way to fail."""

    text: str
    times: int
    examples: list[tuple[Trial, str]]  # and its film strip as a data URI, empty if there is none


class Foresight(NamedTuple):
    """Predicted beside realised return."""

    chart: Markup
    points: int
    correlation: float
    bias: float  # predicted minus realised


def write_report(folder: Path) -> Path:
    """Write report.html into the folder of a run; it is there whole or not at all."""
    settings, trials = read_run(folder)
    page = folder / "report.html"
    partial = folder / "report.html.partial"
    with explained(page):
        partial.write_text(render(settings, trials, folder), encoding="utf-8")
        partial.replace(page)
    return page


def render(settings: dict[str, Any], trials: Sequence[Trial], folder: Path) -> str:
    """The page; film strips are read from `folder`."""
    stages, main = settings["stages"], settings["planner"]
    own = [trial for trial in trials if trial.planner == main]
    if not own:
        own, main = [t for t in trials if t.planner == trials[0].planner], trials[0].planner
    successes = [trial.seconds for trial in own if trial.success]
    discount = settings["model"]["config"]["network"]["discount"]
    environment = Environment(
        loader=PackageLoader("wm_planner.evaluation", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        settings=settings,
        name=_name(main),
        summary=summarise(own, stages),
        rows=_rows(trials, main, stages),
        endings=Counter(trial.ended for trial in own).most_common(),
        modes=_modes(own, stages, folder),
        success_curve=_svg(charts.cumulative(successes, len(own), "seconds to success")),
        timings=_timings(own),
        foresight=_foresight(own, discount),
        videos=[trial for trial in own if trial.video],
        configuration=yaml.safe_dump(settings["config"], sort_keys=False),
        model=yaml.safe_dump(settings["model"]["config"], sort_keys=False),
        card=settings["model"].get("card", ""),
    )


def _name(label: str) -> str:
    return _NAMES.get(label, label)


def _svg(text: str) -> Markup:
    return Markup(text)  # charts escape what they are given


def _rows(trials: Sequence[Trial], main: str, stages: Sequence[str]) -> list[Row]:
    """The main planner, then the others in the order of the names above."""
    order = [main, *_NAMES, *(trial.planner for trial in trials)]
    labels = [
        label for label in dict.fromkeys(order) if any(trial.planner == label for trial in trials)
    ]
    rows = []
    for label in labels:
        summary = summarise([trial for trial in trials if trial.planner == label], stages)
        bar = charts.interval_bar(summary["success_rate"], *summary["wilson95"])
        rows.append(Row(_name(label), label == main, summary, _svg(bar)))
    return rows


def _modes(trials: Sequence[Trial], stages: Sequence[str], folder: Path) -> list[Mode]:
    failures = [(trial.failure(stages), trial) for trial in trials if not trial.success]
    modes = []
    for text, count in Counter(text for text, _ in failures).most_common():
        alike = [trial for found, trial in failures if found == text]
        examples = [(trial, _picture(folder, trial.strip)) for trial in alike[:_STRIPS]]
        modes.append(Mode(text, count, examples))
    return modes


def _picture(folder: Path, strip: str) -> str:
    """A picture of the run as a data URI; empty if there is none."""
    image = cv2.imread(str(folder / strip)) if strip else None
    if image is None:
        return ""
    height = round(image.shape[0] * _STRIP_WIDTH / image.shape[1])
    image = cv2.resize(image, (_STRIP_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _timings(trials: Sequence[Trial]) -> list[tuple[str, dict[str, float], Markup]]:
    """What took how long, ms: name, percentiles, histogram."""
    found = []
    for name, values in (
        ("plan", [ms for trial in trials for ms in trial.plan_ms]),
        ("frame to command", [ms for trial in trials for ms in trial.frame_to_command_ms]),
    ):
        if values:
            percentiles = {f"p{q}": percentile(values, q) for q in (50, 95, 99)}
            percentiles["max"] = max(values)
            found.append((name, percentiles, _svg(charts.histogram(values, f"{name}, ms"))))
    return found


def _foresight(trials: Sequence[Trial], discount: float) -> Foresight | None:
    """None where nothing was imagined."""
    predicted, realised = [], []
    for trial in trials:
        returns = realised_returns(trial.rewards, discount)
        for guess, fact in zip(trial.expected_returns, returns, strict=False):
            if math.isfinite(guess):
                predicted.append(guess)
                realised.append(fact)
    if len(predicted) < 2:
        return None
    x, y = np.array(realised), np.array(predicted)
    varied = x.std() > 0 and y.std() > 0
    correlation = float(np.corrcoef(x, y)[0, 1]) if varied else math.nan
    shown = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    chart = charts.scatter(
        x[shown].tolist(), y[shown].tolist(), "realised return", "predicted return"
    )
    return Foresight(_svg(chart), len(x), correlation, float((y - x).mean()))


def realised_returns(rewards: Sequence[float], discount: float) -> list[float]:
    """Discounted return from each step, as if the last reward were paid for ever after."""
    returns: list[float] = []
    following = rewards[-1] / (1 - discount) if rewards else 0.0
    for reward in reversed(rewards):
        following = reward + discount * following
        returns.append(following)
    return returns[::-1]
