"""What a player sees: what the model believes, what was done, and how much of it to believe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from wm_planner.errors import UserError
from wm_planner.play.dream import Belief

TILE = 216  # pixels, of every picture; larger ones take a video longer than 1/20 s
_CAPTION = 18
_LEFT = 10  # margin of the panel
_STRIP = 2 / 3  # size of a strip's tiles, of TILE
_INK, _DIM, _PAPER, _TROUGH = (240, 240, 240), (150, 150, 150), (24, 26, 30), (58, 62, 70)
_GREEN, _AMBER, _RED, _BLUE = (86, 190, 110), (235, 175, 60), (228, 86, 74), (96, 150, 236)
_DRIFT_FULL = 1.5  # where the drift meter ends
_DOUBTFUL, _LOST = 0.5, 1.0  # drift from which it is amber, red


def draw(
    belief: Belief,
    action: np.ndarray,
    truth: Mapping[str, np.ndarray] | None = None,
    help_text: str = "",
) -> np.ndarray:
    """One picture of it all.

    Args:
        belief: of the model, now.
        action: taken last, (A,) in [-1, 1].
        truth: frames (h, w, 3) uint8 RGB of a simulation that did the same, by camera.
        help_text: which keys there are, at most two lines.

    Returns:
        Picture (h, w, 3) uint8 RGB of whole tiles: a column for each camera, a row below for the
        truth, and the panel in the last column.
    """
    rows = [[_tile(frame, f"{camera}, imagined") for camera, frame in belief.frames.items()]]
    if truth is not None:
        rows.append([_tile(truth[camera], f"{camera}, simulated") for camera in belief.frames])
    tiles = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    panel = np.full((len(tiles), TILE, 3), _PAPER, np.uint8)
    _fill(panel, belief, action, help_text)
    return np.concatenate([tiles, panel], axis=1)


def strip(pictures: Sequence[np.ndarray], moments: int = 7) -> np.ndarray:
    """A few of the pictures that `draw` made, side by side: a column each, the panel below.

    Args:
        pictures: all of one shape.
        moments: how many to show, evenly spread.

    Returns:
        Picture (h, w, 3) uint8 RGB at two thirds of the size.

    Raises:
        UserError: there is none.
    """
    if not pictures:
        raise UserError("there is no picture to make a strip of; play at least one step")
    columns = []
    for index in np.linspace(0, len(pictures) - 1, moments).round().astype(int):
        picture = pictures[index]
        height, width = picture.shape[:2]
        corners = [(y, x) for x in range(0, width - TILE, TILE) for y in range(0, height, TILE)]
        corners.append((0, width - TILE))  # the panel
        tiles = [picture[y : y + TILE, x : x + TILE] for y, x in corners]
        edge = round(_STRIP * TILE)
        small = [cv2.resize(tile, (edge, edge), interpolation=cv2.INTER_AREA) for tile in tiles]
        columns.append(np.concatenate(small, axis=0))
    return np.concatenate(columns, axis=1)


def _tile(frame: np.ndarray, caption: str) -> np.ndarray:
    tile = cv2.resize(frame, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    tile[-_CAPTION:] = tile[-_CAPTION:] // 3
    _write(tile, caption, 6, TILE - 6)
    tile[:, -1] = tile[-1] = _PAPER
    return tile


def _fill(panel: np.ndarray, belief: Belief, action: np.ndarray, help_text: str) -> None:
    """Bars from top to bottom, in the height of one picture."""
    _write(panel, f"imagined {belief.seconds:5.1f} s", _LEFT, 15)
    for row, (name, value) in enumerate(zip("xyz", action[:3], strict=True)):
        _signed_bar(panel, 23 + 13 * row, name, float(value))
    _write(panel, f"gripper {'open' if action[-1] > 0 else 'closed'}", _LEFT, 75)
    _bar(panel, 92, "reward", belief.reward, 1.0, _GREEN)
    _bar(panel, 121, "value", belief.value, belief.highest_value, _BLUE)
    _write(panel, f"+- {belief.disagreement:.2f}", 150, 121, _DIM)
    colour = _RED if belief.drift > _LOST else _AMBER if belief.drift > _DOUBTFUL else _GREEN
    _bar(panel, 150, "drift", belief.drift, _DRIFT_FULL, colour)
    notes = ["drift 0: sees what it believes", "1: sees another scene", *help_text.splitlines()]
    for row, line in enumerate(notes):
        _write(panel, line, _LEFT, 174 + 11 * row, _DIM, 0.31)


def _bar(
    panel: np.ndarray, top: int, name: str, value: float, full: float, colour: tuple[int, int, int]
) -> None:
    """A bar from 0 to `full`, below its name and value; none for NaN."""
    _write(panel, f"{name} {value:.2f}" if math.isfinite(value) else f"{name} -", _LEFT, top)
    right = TILE - _LEFT
    cv2.rectangle(panel, (_LEFT, top + 5), (right, top + 12), _TROUGH, -1)
    if math.isfinite(value):
        end = _LEFT + round((right - _LEFT) * min(1.0, max(0.0, value / full)))
        cv2.rectangle(panel, (_LEFT, top + 5), (end, top + 12), colour, -1)


def _signed_bar(panel: np.ndarray, top: int, name: str, value: float) -> None:
    """A bar from the middle to either side, for a number in [-1, 1]."""
    _write(panel, name, _LEFT, top + 8)
    left, right = _LEFT + 16, TILE - _LEFT
    middle = (left + right) // 2
    cv2.rectangle(panel, (left, top), (right, top + 8), _TROUGH, -1)
    end = middle + round((right - left) / 2 * min(1.0, max(-1.0, value)))
    cv2.rectangle(panel, (min(middle, end), top), (max(middle, end), top + 8), _INK, -1)


def _write(
    picture: np.ndarray,
    text: str,
    x: int,
    y: int,
    colour: tuple[int, int, int] = _INK,
    size: float = 0.4,
) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
