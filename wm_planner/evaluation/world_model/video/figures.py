"""What was measured of imagined video, as nested figures and as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from wm_planner.evaluation.world_model.controllability import Controllability
from wm_planner.evaluation.world_model.video.likeness import Likeness
from wm_planner.evaluation.world_model.video.measure import Driven, VideoMetrics
from wm_planner.evaluation.world_model.video.objects import Kept, tally
from wm_planner.evaluation.world_model.video.variety import Variety

_TABLE = (1, 5, 10, 50, 100, 200)  # steps told in the terminal


def video_figures(metrics: VideoMetrics) -> dict[str, Any]:
    """`video`, `objects` and `play_frames_per_s`.

    The policy's actions come first; `random` and `constant` ones are below their own names.
    """
    video = {
        camera: {
            **_camera(metrics.driven["policy"], v),
            "controllability": _controllability(metrics.pixels[v]),
            **{name: _camera(d, v) for name, d in metrics.driven.items() if name != "policy"},
        }
        for v, camera in enumerate(metrics.cameras)
    }
    objects = _objects(metrics.driven["policy"])
    objects |= {name: _objects(d) for name, d in metrics.driven.items() if name != "policy"}
    whole = {
        "frechet": {name: d.frechet._asdict() for name, d in metrics.driven.items()},
        "sample_variety": _variety(metrics.variety),
    }
    return {
        "video": video,
        "objects": objects,
        **{f"video_{name}": value for name, value in whole.items()},
        "play_frames_per_s": metrics.frames_per_s,
    }


def video_table(figures: Mapping[str, Any]) -> str:
    """The figures that say most, a line each."""
    shown = [str(k) for k in _TABLE if str(k) in figures["objects"]["present"]]
    lines = [_row("after steps", shown, "{}", {k: k for k in shown})]
    for camera, own in figures["video"].items():
        for text, key in (("", "psnr"), ("  last frame", "copy_psnr"), ("  floor", "floor_psnr")):
            lines.append(_row(text or f"{camera}, PSNR dB", shown, "{:.1f}", own[key]))
    objects = figures["objects"]
    lines.append(_row("things still there", shown, "{:.0%}", objects["present"]))
    lines.append(_row("  their error, px of 64", shown, "{:.1f}", objects["error_px"]))
    for place, own in objects["each"].items():
        lines.append(_row(f"{place}, still there", shown, "{:.0%}", own["present"]))
        lines.append(_row("  error, px of 64", shown, "{:.1f}", own["error_px"]))
    return "\n".join([*lines, f"{'play, frames/s':28s}{figures['play_frames_per_s']:8.1f}"])


def _camera(driven: Driven, v: int) -> dict[str, Any]:
    like = driven.likeness
    found: dict[str, Any] = {}
    for name, scores in (("psnr", like.psnr), ("ssim", like.ssim)):
        for prefix, values in zip(("", "copy_", "floor_"), scores, strict=True):
            found[prefix + name] = _by_step(like, values[v].tolist())
    found["frames"] = _by_step(like, like.frames)
    imagined, true = (float(part[v]) for part in driven.flicker)
    return found | {"flicker": imagined, "true_flicker": true}


def _objects(driven: Driven) -> dict[str, Any]:
    """Of the things that lie about; `each` has them one by one, and the hand."""
    of = {
        "": list(chain(*driven.imagined)),
        "copy_": list(chain(*driven.copied)),
        "true_": list(chain(*driven.true)),
    }
    steps = driven.likeness.steps
    own = [part for part in of[""] if not part.thing.is_hand]
    places = {_place(part): None for part in of[""]}
    return {
        **_kept(of, steps, {_place(part) for part in own}),
        "each": {place: _kept(of, steps, {place}) for place in places},
    }


def _kept(
    of: Mapping[str, Sequence[Kept]], steps: Sequence[int], places: set[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for prefix, parts in of.items():
        own = [part for part in parts if _place(part) in places]
        at = {str(k): tally(own, [k]) for k in steps}
        until = {str(k): tally(own, range(1, k + 1)) for k in steps}
        found[f"{prefix}present"] = {k: t.present for k, t in at.items()}
        found[f"{prefix}error_px"] = {k: t.error for k, t in at.items()}
        found[f"{prefix}present_until"] = {k: t.present for k, t in until.items()}
        found[f"{prefix}error_px_until"] = {k: t.error for k, t in until.items()}
        if not prefix:
            found["frames"] = {k: t.frames for k, t in at.items()}
    return found


def _place(part: Kept) -> str:
    return f"{part.thing.name}, {part.camera}"


def _by_step(like: Likeness, values: Sequence[float]) -> dict[str, float]:
    return {str(k): value for k, value in zip(like.steps, values, strict=True)}


def _controllability(c: Controllability) -> dict[str, float]:
    return {
        "rank_correlation": c.rank_correlation,
        "cosine": c.cosine,
        "size_ratio": c.size_ratio,
        "dimensions_share": c.share_of_dimensions,
    }


def _variety(v: Variety | None) -> dict[str, Any] | None:
    if v is None:
        return None
    steps = [str(k) for k in v.steps]
    return {
        "samples": v.samples,
        "moving": dict(zip(steps, v.moving.tolist(), strict=True)),
        "still": dict(zip(steps, v.still.tolist(), strict=True)),
    }


def _row(name: str, steps: Sequence[str], form: str, values: Mapping[str, Any]) -> str:
    cells = "".join(
        f"{form.format(values[k]) if values[k] == values[k] else '-':>8s}" for k in steps
    )
    return f"{name:28s}{cells}"
