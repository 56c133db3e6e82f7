"""An evaluation of a world model as one HTML page that opens from the disk, without a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from wm_planner.evaluation.records import explained, write_whole
from wm_planner.evaluation.report import charts, embedded
from wm_planner.evaluation.report.charts import Dot, Series
from wm_planner.evaluation.report.template import template
from wm_planner.evaluation.report.video import VideoSection
from wm_planner.evaluation.world_model.calibration import Calibration
from wm_planner.evaluation.world_model.confidence import Confidence
from wm_planner.evaluation.world_model.drift import Drift
from wm_planner.evaluation.world_model.fidelity import Fidelity
from wm_planner.evaluation.world_model.measure import Evaluation, OpenLoop
from wm_planner.evaluation.world_model.physics import Consistency
from wm_planner.evaluation.world_model.pictures import imagined_strip, physics_strip
from wm_planner.evaluation.world_model.reliability import Reliability
from wm_planner.evaluation.world_model.workbench import Workbench
from wm_planner.interfaces import Decodable
from wm_planner.statistics import wilson

_MOMENTS = (0, 1, 3, 5, 10, 20, 50, 100)  # steps shown of an imagination
_START = 10  # step it starts at
_POINTS = 1500  # of a scatter plot at most
_PILOTS = {"policy": "", "random": "second", "constant": "third"}  # and their lines' styles


class Told(NamedTuple):
    """A case of physical consistency in the table."""

    text: str
    told: int
    pairs: int
    bar: Markup
    ratio: float
    by_pictures: float  # share told by the frames; NaN: the model shows none
    picture: str  # data URI; empty if no pair came about


class Sure(NamedTuple):
    """A prediction beside what came of it."""

    name: str
    chart: Markup
    found: Reliability | None  # None: the model does not know that


def write_page(
    path: Path,
    figures: dict[str, Any],
    evaluation: Evaluation,
    bench: Workbench,
    clean: Sequence[float],
    video: VideoSection | None = None,
) -> Path:
    """Write the page; it is there whole or not at all."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(figures, evaluation, bench, clean, video))
    return path


def render(
    figures: dict[str, Any],
    evaluation: Evaluation,
    bench: Workbench,
    clean: Sequence[float],
    video: VideoSection | None = None,
) -> str:
    """The page; `clean` are the surprises of clean steps, none without a scale."""
    e = evaluation
    return template("world_model.html.j2").render(
        f=figures,
        e=e,
        nan=math.nan,
        fidelity=_fidelity_charts(e.open_loop),
        sizes=_sizes(e),
        errors=_drift_chart(e.drifts),
        gaps=_gap_chart(e.drifts),
        returns=_returns(e),
        told=[_told(case) for case in e.physics],
        disagreement=_disagreement(e.open_loop.calibration),
        sure=_sure(e.confidence, bench.beliefs.privileged),
        privileged=bench.beliefs.privileged,
        surprise=Markup(charts.histogram(list(clean), "surprise (1: 99.9 % of clean steps)")),
        strips=_strips(e, bench),
        video=video,
    )


def _fidelity_charts(o: OpenLoop) -> list[tuple[str, Markup]]:
    found = [
        ("Latent", _curves(o.latent, "RMS error of the latent")),
        ("Proprioception, read out", _curves(o.proprio, "RMS error of proprioception")),
    ]
    if o.knows_rewards:
        found.insert(1, ("Reward", _curves(o.reward, "absolute error of the reward")))
    if o.frames is not None:
        found.append(("Decoded frames: PSNR", _curves(o.frames.psnr, "PSNR, dB", best_high=True)))
        found.append(("Decoded frames: SSIM", _curves(o.frames.ssim, "SSIM", best_high=True)))
    return found


def _curves(f: Fidelity, label: str, best_high: bool = False) -> Markup:
    """The model beside those that know nothing; who copies velocities may leave by the top."""
    steps = f.steps.tolist()
    series = [
        Series("model", steps, f.model.tolist()),
        Series("no change", steps, f.null.tolist(), "null"),
        Series("same velocity", steps, f.velocity.tolist(), "velocity"),
        Series("perfect prediction, decoded or read out", steps, f.floor.tolist(), "floor"),
    ]
    shown = [v for line in (f.model, f.null, f.floor) for v in line.tolist() if math.isfinite(v)]
    top = None if best_high else 1.15 * max(shown)
    return Markup(charts.lines(series, "steps ahead", label, top))


def _sizes(e: Evaluation) -> Markup:
    c = e.controllability
    chosen = np.linspace(0, len(c.real_sizes) - 1, min(_POINTS, len(c.real_sizes))).astype(int)
    real, predicted = (x.numpy()[chosen].tolist() for x in (c.real_sizes, c.predicted_sizes))
    return Markup(charts.scatter(real, predicted, "real difference", "predicted difference"))


def _drift_chart(drifts: dict[str, Drift]) -> Markup:
    series = [
        Series(f"{name} actions", _counted(d.errors), d.errors.tolist(), _PILOTS.get(name, ""))
        for name, d in drifts.items()
    ]
    return Markup(charts.lines(series, "steps imagined", "RMS error of the latent"))


def _gap_chart(drifts: dict[str, Drift]) -> Markup:
    series = [
        Series(f"{name} actions", d.gap_steps.tolist(), d.gaps.tolist(), _PILOTS.get(name, ""))
        for name, d in drifts.items()
        if len(d.gaps)
    ]
    return Markup(charts.lines(series, "steps imagined", "re-encoding gap, RMS"))


def _returns(e: Evaluation) -> Markup:
    d = e.decision
    if not d.imagined.isfinite().all():
        return Markup("")
    real, imagined = d.real.flatten().tolist(), d.imagined.flatten().tolist()
    return Markup(charts.scatter(real, imagined, "real return", "imagined return"))


def _disagreement(c: Calibration) -> Markup:
    line = Series("mean of a tenth of the windows", c.disagreement.tolist(), c.error.tolist())
    return Markup(charts.lines([line], "disagreement of the value ensemble", "error of the latent"))


def _sure(c: Confidence, privileged: bool) -> list[Sure]:
    done = "share of moments at which it was done"
    paid = "mean reward that came" if privileged else done
    came = {"reward": paid, "value": "mean return that came", "success": done}
    found = []
    for name, known in c.shown.items():
        bins = known.bins if known else ()
        dots = [Dot(b.predicted, b.observed, *b.interval, b.moments) for b in bins]
        chart = charts.reliability_diagram(dots, f"{name} predicted, mean of a bin", came[name])
        found.append(Sure(name, Markup(chart), known))
    return found


def _told(case: Consistency) -> Told:
    n = len(case.pairs)
    bar = charts.interval_bar(case.share, *wilson(case.told, n)) if n else ""
    picture = embedded.jpeg(physics_strip(case), 82) if n else ""
    return Told(case.text, case.told, n, Markup(bar), case.ratio, case.share_by_pictures, picture)


def _strips(e: Evaluation, bench: Workbench) -> list[tuple[str, str]]:
    """Pictures by who drove; none of a model that does not decode."""
    if not isinstance(bench.world_model, Decodable):
        return []
    found = []
    for name, encoded in e.recorded.items():
        start = min(_START, encoded.recording.actions.shape[1] // 2)
        left = encoded.recording.actions.shape[1] - start
        steps = [k for k in _MOMENTS if k <= left]
        rate = bench.envs[0].arm.config.control_rate_hz
        picture = imagined_strip(bench.world_model, encoded, start, steps, rate)
        found.append((name, embedded.jpeg(picture, 82)))
    return found


def _counted(values: Any) -> list[int]:
    return list(range(1, len(values) + 1))
