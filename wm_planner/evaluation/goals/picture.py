"""Start, goal, and what each planner made of it, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wm_planner.evaluation.goals.trial import Reached
from wm_planner.evaluation.imagination import tile


def draw(
    start: Mapping[str, np.ndarray],
    goal: Mapping[str, np.ndarray],
    reached: Sequence[Reached],
) -> np.ndarray:
    """Picture (h, w, 3) uint8 RGB: a row for each camera; the distances left are in cm."""
    columns = [("start", start), ("goal", goal)]
    for trial, frames in reached:
        hand, *cubes = trial.at_end
        left = ", ".join(f"{100 * cube:.0f}" for cube in cubes)
        columns.append((f"{_short(trial.planner)}: {100 * hand:.0f}, {left} cm", frames))
    rows = [[tile(frames[camera], caption) for caption, frames in columns] for camera in goal]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def _short(planner: str) -> str:
    return planner.replace(" without prior", " alone")
