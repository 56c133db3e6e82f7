"""The part of a page that shows imagined video beside what came, and a page of it alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from wm_planner.evaluation.records import explained, write_whole
from wm_planner.evaluation.report import charts, embedded
from wm_planner.evaluation.report.charts import Series
from wm_planner.evaluation.report.template import template
from wm_planner.evaluation.video import write_picture
from wm_planner.evaluation.world_model.video.likeness import Scores
from wm_planner.evaluation.world_model.video.measure import VideoMetrics
from wm_planner.evaluation.world_model.video.strips import film

TOLD = (1, 5, 10, 50, 100, 200)  # steps of the table
_STYLES = ("", "second", "third", "fourth", "fifth")


class Strip(NamedTuple):
    """A film strip."""

    name: str  # who drove
    file: str  # beside the page
    picture: str  # data URI


class VideoSection(NamedTuple):
    """What the template is filled with."""

    figures: dict[str, Any]  # of `video_figures`
    told: list[str]  # steps of the table
    charts: list[tuple[str, Markup]]
    strips: list[Strip]


def video_section(
    figures: dict[str, Any], metrics: VideoMetrics, rate_hz: float, folder: Path
) -> VideoSection:
    """Draw it; the strips are written to `folder` as well, as PNG."""
    strips = []
    for name, driven in metrics.driven.items():
        picture, file = film(driven.reels[0], 0, rate_hz), f"video_{name}.png"
        write_picture(folder / file, picture)
        strips.append(Strip(name, file, embedded.png(picture)))
    told = [str(k) for k in TOLD if str(k) in figures["objects"]["present"]]
    return VideoSection(figures, told, _charts(figures, metrics), strips)


def write_video_page(path: Path, figures: Mapping[str, Any], section: VideoSection) -> Path:
    """Write a page of nothing else; it is there whole or not at all."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, template("video_page.html.j2").render(f=figures, video=section))
    return path


def _charts(figures: Mapping[str, Any], metrics: VideoMetrics) -> list[tuple[str, Markup]]:
    like, found = metrics.driven["policy"].likeness, []
    for v, camera in enumerate(metrics.cameras):
        found.append((f"{camera}: PSNR", _curves(like.steps, like.psnr, v, "PSNR, dB")))
    for v, camera in enumerate(metrics.cameras):
        found.append((f"{camera}: SSIM", _curves(like.steps, like.ssim, v, "SSIM")))
    each = figures["objects"]["each"]
    for key, label, top in (
        ("present", "share of frames with the thing", 1.0),
        ("error_px", "error, pixels of 64", None),
    ):
        series = [
            Series(place, like.steps, list(own[key].values()), _STYLES[i % len(_STYLES)])
            for i, (place, own) in enumerate(each.items())
        ]
        found.append((label.capitalize(), Markup(charts.lines(series, "steps ahead", label, top))))
    return found


def _curves(steps: tuple[int, ...], scores: Scores, v: int, label: str) -> Markup:
    series = [
        Series("imagined", steps, scores.model[v].tolist()),
        Series("last frame again", steps, scores.copy[v].tolist(), "null"),
        Series("true frame, encoded and decoded", steps, scores.floor[v].tolist(), "floor"),
    ]
    return Markup(charts.lines(series, "steps ahead", label))
