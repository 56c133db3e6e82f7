"""Futures as a video and as a strip of moments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wm_planner.evaluation.video import Video
from wm_planner.play.branches import Branch
from wm_planner.play.screen import draw, strip


def write_video(path: Path, branches: Sequence[Branch], rate_hz: float) -> None:
    """Write all moments; several branches one below the other, the shorter ones wait at their
    ends."""
    with Video(path, rate_hz) as video:
        for step in range(1 + max(branch.steps for branch in branches)):
            video.write(np.concatenate([_drawn(branch, step) for branch in branches]))


def strip_of(branches: Sequence[Branch]) -> np.ndarray:
    """A few moments side by side (h, w, 3) uint8 RGB; several branches one below the other."""
    longest = max(branch.steps for branch in branches)
    pictures = [[_drawn(branch, step) for step in range(longest + 1)] for branch in branches]
    return np.concatenate([strip(own) for own in pictures])


def _drawn(branch: Branch, step: int) -> np.ndarray:
    moment = branch.at(step)
    truth = None if moment.truth is None else moment.truth.frames
    return draw(moment.belief, moment.action, truth, f"branch {branch.name}")
