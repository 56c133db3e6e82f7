"""What the page is sent: a view of the game as JSON, its pictures as PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wm_planner.evaluation.report import embedded
from wm_planner.play.branches import Branch
from wm_planner.play.game import View


def seen(view: View) -> dict[str, Any]:
    """Everything the page shows; NaN is null."""
    belief, beside = view.now.belief, view.beside
    rows = [_row("imagined", view.branch.name, belief.frames)]
    if beside is not None:
        rows.append(_row("imagined", beside[0].name, beside[1].belief.frames))
    if view.now.truth is not None:
        rows.append(_row("simulated", view.branch.name, view.now.truth.frames))
    if beside is not None and beside[1].truth is not None:
        rows.append(_row("simulated", beside[0].name, beside[1].truth.frames))
    return {
        "rows": rows,
        "step": view.step,
        "seconds": round(belief.seconds, 2),
        "branch": view.branch.name,
        "beside": "" if beside is None else beside[0].name,
        "branches": [_branch(branch) for branch in view.branches],
        "action": [round(float(number), 3) for number in view.now.action],
        "reward": _number(belief.reward),
        "value": _number(belief.value),
        "highest_value": _number(belief.highest_value),
        "disagreement": _number(belief.disagreement),
        "drift": _number(belief.drift),
        "driver": view.driver,
        "running": view.running,
        "start": view.start,
        "frames_per_s": _number(view.frames_per_s),
        "steps": view.steps,
    }


def _row(kind: str, branch: str, frames: Mapping[str, np.ndarray]) -> dict[str, Any]:
    pictures = {camera: embedded.png(frame, 1) for camera, frame in frames.items()}
    return {"kind": kind, "branch": branch, "pictures": pictures}


def _branch(branch: Branch) -> dict[str, Any]:
    parent = branch.parent or ""
    return {"name": branch.name, "parent": parent, "left": branch.left, "steps": branch.steps}


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
