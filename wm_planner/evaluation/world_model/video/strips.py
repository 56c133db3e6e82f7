"""Film strips: what came above what was imagined, large enough to recognise things."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from wm_planner.evaluation.world_model.video.reel import Reel

MOMENTS = (0, 1, 5, 10, 20, 50, 100, 200)  # steps shown
_TILE = 192  # pixels, about
_HEAD, _SIDE, _GAP = 24, 26, 2  # pixels, of captions above and beside, and between tiles
_INK, _GROUND = (30, 30, 30), (255, 255, 255)


def film(reel: Reel, episode: int, rate_hz: float) -> np.ndarray:
    """One episode of a reel: a column for each moment, two rows for each camera.

    Returns:
        Picture (h, w, 3) uint8 RGB; pixels of frames stay squares.
    """
    steps = [k for k in MOMENTS if k <= reel.steps]
    real = np.stack([reel.real(k)[episode].permute(0, 2, 3, 1).numpy() for k in steps])
    guess = reel.imagined[episode, steps].permute(0, 1, 3, 4, 2).numpy()  # (S, V, h, w, C)
    rows = []
    for v, camera in enumerate(reel.truth.cameras):
        rows.append(_row(real[:, v], f"{camera}, true"))
        rows.append(_row(guess[:, v], f"{camera}, imagined"))
    captions = ["start"] + [f"step {k}: {k / rate_hz:.1f} s" for k in steps[1:]]
    return np.concatenate([_header(captions, rows[0].shape[1], len(steps)), *rows])


def _row(frames: np.ndarray, caption: str) -> np.ndarray:
    """Frames (S, h, w, C) side by side, their caption turned at the left."""
    tiles = np.concatenate([_tile(frame) for frame in frames], axis=1)
    side = np.full((_SIDE, len(tiles), 3), _GROUND, np.uint8)
    _write(side, caption, 6, 18)
    return np.concatenate([np.rot90(side), tiles], axis=1)


def _tile(frame: np.ndarray) -> np.ndarray:
    factor = max(1, round(_TILE / len(frame)))
    large = frame.repeat(factor, 0).repeat(factor, 1)
    return cv2.copyMakeBorder(large, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=_GROUND)


def _header(captions: Sequence[str], width: int, columns: int) -> np.ndarray:
    head = np.full((_HEAD, width, 3), _GROUND, np.uint8)
    column = (width - _SIDE) // columns
    for i, caption in enumerate(captions):
        _write(head, caption, _SIDE + i * column + 2, 17)
    return head


def _write(picture: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
