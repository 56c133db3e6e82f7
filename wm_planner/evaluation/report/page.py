"""A run of trials as one HTML page that opens from the disk, without a network."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import cv2
import numpy as np
import yaml
from markupsafe import Markup

from wm_planner.evaluation.records import Trial, read_run, write_whole
from wm_planner.evaluation.report import charts, embedded
from wm_planner.evaluation.report.template import template
from wm_planner.evaluation.run_checks import inside
from wm_planner.evaluation.summary import summarise
from wm_planner.perception.pictures import decode_picture
from wm_planner.statistics import percentile

_STRIPS = 3  # pictures of each failure mode
_STRIP_WIDTH = 1120  # pixels
_MAX_STRIP = 2**26  # bytes
_POINTS = 2000  # of the scatter plot at most
_DISCOUNT = 0.97  # of a model that does not say
_OVER = {
    "process": "in process",
    "ros lockstep": "over ROS 2 in lockstep",
    "ros": "over ROS 2 in real time",
}
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


class Example(NamedTuple):
    """A failed trial to look at."""

    trial: Trial
    picture: str  # film strip as a data URI; empty if there is none
    video: str  # address; empty if there is none


class Mode(NamedTuple):
    """A way to fail."""

    text: str
    times: int
    examples: list[Example]


class Foresight(NamedTuple):
    """Predicted beside realised return."""

    chart: Markup
    points: int
    correlation: float
    bias: float  # predicted minus realised
    biases: dict[str, float]  # of trials that succeeded and of those that failed


def write_report(folder: Path) -> Path:
    """Write report.html into the folder of a run; it is there whole or not at all."""
    settings, trials = read_run(folder)
    page = folder / "report.html"
    write_whole(page, render(settings, trials, folder))
    return page


def render(settings: dict[str, Any], trials: Sequence[Trial], folder: Path) -> str:
    """The page; film strips are read from `folder`."""
    wanted = main = settings.get("planner") or trials[0].planner
    own = [trial for trial in trials if trial.planner == main]
    if not own:
        own, main = [t for t in trials if t.planner == trials[0].planner], trials[0].planner
    stages = _stages(settings, trials)
    successes = [trial.seconds for trial in own if trial.success]
    config, model = _section(settings, "config"), _section(settings, "model")
    network = _section(_section(model, "config"), "network")
    end = max(config.get("time_limit") or 0.0, *(trial.seconds for trial in (own[0], *own)))
    return template("page.html.j2").render(
        task=settings.get("task") or "a task",
        facts=_facts(settings),
        code=settings.get("git", ""),
        torch=_section(settings, "machine").get("torch", ""),
        name=_name(main),
        unfinished="" if main == wanted else _name(wanted),
        same_seeds=_same_seeds(trials),
        summary=summarise(own, stages),
        rows=_rows(trials, main, stages),
        endings=Counter(trial.ended for trial in own).most_common(),
        modes=_modes(own, stages, folder),
        success_curve=_svg(charts.cumulative(successes, len(own), "seconds to success", end)),
        timings=_timings(own),
        foresight=_foresight(own, network.get("discount", _DISCOUNT)),
        videos=[(t.seed, address) for t in own if (address := _address(folder, t.video))],
        blocks={
            "Settings of the trials": _yaml(config),
            "Configuration of the model": _yaml(_section(model, "config")),
            "Model card": model.get("card", ""),
        },
    )


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _yaml(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, sort_keys=False) if values else ""


def _stages(settings: dict[str, Any], trials: Sequence[Trial]) -> list[str]:
    """The task's stages; numbers for those that the settings do not name."""
    named = list(settings.get("stages") or [])
    highest = max((stage for trial in trials for stage in trial.reached), default=0)
    return named + [f"stage {i}" for i in range(len(named), highest + 1)]


def _facts(settings: dict[str, Any]) -> list[str]:
    """What ran on what, as far as it is known."""
    model, machine = _section(settings, "model"), _section(settings, "machine")
    over = settings.get("over", "")
    facts = [
        f"model {model['name']}" if model.get("name") else "",
        f"sha256 {model['sha256'][:12]}" if model.get("sha256") else "",
        _OVER.get(over, over),
        machine.get("processor", ""),
        machine.get("device", ""),
    ]
    return [fact for fact in facts if fact]


def _same_seeds(trials: Sequence[Trial]) -> bool:
    """Whether every planner ran the same starts, which a run that was killed may not have."""
    seeds: dict[str, set[int]] = {}
    for trial in trials:
        seeds.setdefault(trial.planner, set()).add(trial.seed)
    return all(own == next(iter(seeds.values())) for own in seeds.values())


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
        shown = sorted(alike, key=lambda trial: not trial.strip)[:_STRIPS]  # with strips first
        examples = [Example(t, _picture(folder, t.strip), _address(folder, t.video)) for t in shown]
        modes.append(Mode(text, count, examples))
    return modes


def _picture(folder: Path, strip: str) -> str:
    """A picture of the run as a data URI; empty if there is none that can be shown."""
    file = inside(folder, strip)
    if file is None or file.stat().st_size > _MAX_STRIP:
        return ""
    image = decode_picture(file.read_bytes())
    if image is None:
        return ""
    height = max(1, round(image.shape[0] * _STRIP_WIDTH / image.shape[1]))
    image = cv2.resize(image, (_STRIP_WIDTH, height), interpolation=cv2.INTER_AREA)
    return embedded.jpeg(image[:, :, ::-1], 80)


def _address(folder: Path, file: str) -> str:
    """Of a file of the run, from the page; empty if it is not there."""
    return quote(file) if inside(folder, file) else ""


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
    predicted, realised, succeeded = [], [], []
    for trial in trials:
        returns = realised_returns(trial.rewards, discount)
        for guess, fact in zip(trial.expected_returns, returns, strict=False):
            if math.isfinite(guess):
                predicted.append(guess)
                realised.append(fact)
                succeeded.append(trial.success)
    if len(predicted) < 2:
        return None
    x, y, success = np.array(realised), np.array(predicted), np.array(succeeded)
    varied = x.std() > 0 and y.std() > 0
    correlation = float(np.corrcoef(x, y)[0, 1]) if varied else math.nan
    shown = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    chart = charts.scatter(
        x[shown].tolist(), y[shown].tolist(), "realised return", "predicted return"
    )
    biases = {
        outcome: float((y - x)[chosen].mean())
        for outcome, chosen in (("succeeded", success), ("failed", ~success))
        if chosen.any()
    }
    return Foresight(_svg(chart), len(x), correlation, float((y - x).mean()), biases)


def realised_returns(rewards: Sequence[float], discount: float) -> list[float]:
    """Discounted return from each step, as if the last reward were paid for ever after."""
    returns: list[float] = []
    following = rewards[-1] / (1 - discount) if rewards else 0.0
    for reward in reversed(rewards):
        following = reward + discount * following
        returns.append(following)
    return returns[::-1]
