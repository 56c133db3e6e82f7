"""Finds things in frames: cubes by their colour, the hand by its shape.

What is learned about them comes from true frames, in which the simulator says what each pixel
shows. In an imagined frame a thing counts as found only where somebody who looks would agree: a
pixel belongs to a cube if its colour is nearer to one of the cube's than to any other colour of
the scene, and close to it; the hand is where its picture is found again, with at least half of the
contrast. So neither a blur nor a spot of the table passes (`test_video_finder.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

_BITS = 5  # of each colour channel, in the table of colours
_COLOURS = 2 ** (3 * _BITS)
_FARTHEST = 60.0  # of 255, to the nearest known colour
_RARE = 3  # pixels; colours seen less often are noise
_LIKENESS = 0.7  # normalised correlation from which on a picture is found again
_CONTRAST = 0.5  # of the true picture's
_MARGIN = 1  # pixels around the hand that belong to its picture


class Sighting(NamedTuple):
    """Where something was found, pixels."""

    x: float
    y: float
    area: float  # pixels

    def distance(self, other: Sighting) -> float:
        """Pixels between the centres."""
        return float(np.hypot(self.x - other.x, self.y - other.y))


class ColourFinder:
    """Knows the colours of things in one camera's frames of one scene."""

    def __init__(self, frames: np.ndarray, shown: np.ndarray) -> None:
        """Learn from true frames (N, h, w, 3) uint8 and what they show, (N, h, w) uint8; 0: else.

        Pixels at edges are mixtures and teach nothing.
        """
        inner = _inner(shown)
        codes, labels = _code(frames)[inner], shown[inner]
        counts = np.stack(
            [np.bincount(codes[labels == i], minlength=_COLOURS) for i in range(shown.max() + 1)]
        )
        known = np.flatnonzero(counts.max(0) >= _RARE)
        self._table = _nearest(known, counts[:, known].argmax(0))  # whose a colour is mostly

    def find(self, frame: np.ndarray, label: int) -> Sighting | None:
        """The largest patch of a thing's colours in a frame (h, w, 3) uint8."""
        return largest(self._table[_code(frame)] == label)


def largest(mask: np.ndarray) -> Sighting | None:
    """The largest connected patch of a mask (h, w); gaps of a pixel do not part it."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, patches = cv2.connectedComponents(closed, connectivity=8)
    if count < 2:
        return None
    patches = np.where(mask, patches, 0)
    sizes = np.bincount(patches.ravel(), minlength=count)[1:]
    return centre(patches == 1 + int(sizes.argmax()))


def centre(mask: np.ndarray) -> Sighting | None:
    """Of all pixels of a mask (h, w)."""
    y, x = np.nonzero(mask)
    return Sighting(float(x.mean()), float(y.mean()), float(len(x))) if len(x) else None


class ShapeFinder:
    """Finds again what a true frame (h, w, 3) uint8 shows at a mask (h, w)."""

    def __init__(self, frame: np.ndarray, mask: np.ndarray) -> None:
        y, x = np.nonzero(mask)
        self._top, self._left = max(0, y.min() - _MARGIN), max(0, x.min() - _MARGIN)
        bottom, right = y.max() + 1 + _MARGIN, x.max() + 1 + _MARGIN
        self._picture = frame[self._top : bottom, self._left : right].astype(np.float32)
        whole = centre(mask)
        assert whole is not None
        self.truth = whole

    def find(self, frame: np.ndarray) -> Sighting | None:
        """Where the picture fits best in a frame (h, w, 3) uint8, if it fits."""
        seen = frame.astype(np.float32)
        likeness = cv2.matchTemplate(seen, self._picture, cv2.TM_CCOEFF_NORMED)
        _, best, _, (left, top) = cv2.minMaxLoc(likeness)
        height, width = self._picture.shape[:2]
        there = seen[top : top + height, left : left + width]
        if best < _LIKENESS or there.std() < _CONTRAST * self._picture.std():
            return None
        moved = self.truth.x + left - self._left, self.truth.y + top - self._top
        return Sighting(*moved, self.truth.area)


def _inner(shown: np.ndarray) -> np.ndarray:
    """Pixels (N, h, w) all of whose four neighbours show the same."""
    inner = np.zeros(shown.shape, bool)
    middle = shown[:, 1:-1, 1:-1]
    inner[:, 1:-1, 1:-1] = (
        (middle == shown[:, :-2, 1:-1])
        & (middle == shown[:, 2:, 1:-1])
        & (middle == shown[:, 1:-1, :-2])
        & (middle == shown[:, 1:-1, 2:])
    )
    return inner


def _code(frames: np.ndarray) -> np.ndarray:
    """Colours (..., 3) uint8 as whole numbers below _COLOURS (...)."""
    red, green, blue = (frames[..., i].astype(np.int64) >> (8 - _BITS) for i in range(3))
    return (red << 2 * _BITS) | (green << _BITS) | blue


def _nearest(known: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whose colour each one is (_COLOURS,), by the nearest of known ones."""
    levels, step = 2**_BITS, 2.0 ** (8 - _BITS)
    grid = torch.cartesian_prod(*[torch.arange(levels)] * 3).float() * step
    distances, nearest = torch.cdist(grid, grid[torch.from_numpy(known)]).min(1)
    labels_of = torch.from_numpy(labels)[nearest]
    return torch.where(distances <= _FARTHEST, labels_of, 0).numpy()
