"""Tells frames that show the scene from those of a dead, frozen or exchanged camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from wm_planner.errors import UserError


class BadFrame(UserError):
    """A frame that must not be planned from; `kind` is a short constant text."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class _Seen(NamedTuple):
    frame: np.ndarray  # (h, w, 3) uint8
    positions: np.ndarray  # (J,) of the joints when this very picture came first


class FrameGuard:
    """Compares each camera's frames with those before.

    Args:
        size: least height and width, pixels: the model's.
        min_contrast: least standard deviation of a frame's pixel values, 0 to 255.
        frozen_motion: rad a joint may move while a camera's picture stays the same to the last bit.
    """

    def __init__(self, size: int, min_contrast: float, frozen_motion: float) -> None:
        self._size, self._min_contrast = size, min_contrast
        self._frozen_motion = frozen_motion
        self.forget()

    def forget(self) -> None:
        """Accept frames of another size."""
        self._seen: dict[str, _Seen] = {}

    def check(self, frames: Mapping[str, np.ndarray], positions: np.ndarray) -> None:
        """Raise BadFrame unless every frame (h, w, 3) uint8 shows something new.

        `positions` (J,) are the joints' when the frames were taken.
        """
        for camera, frame in frames.items():
            self._check_size(camera, frame)
            self._check_contrast(camera, frame)
            self._check_change(camera, frame, positions)

    def _check_size(self, camera: str, frame: np.ndarray) -> None:
        height, width = frame.shape[:2]
        if min(height, width) < self._size:
            raise BadFrame(
                "frame size",
                f"{camera} is {width} x {height}, expected at least {self._size} x {self._size}",
            )
        last = self._seen.get(camera)
        if last is not None and last.frame.shape != frame.shape:
            before = f"{last.frame.shape[1]} x {last.frame.shape[0]}"
            raise BadFrame(
                "frame size",
                f"{camera} is {width} x {height}, expected {before} as before; "
                "~/reset accepts another size",
            )

    def _check_contrast(self, camera: str, frame: np.ndarray) -> None:
        every = max(1, min(frame.shape[:2]) // 64)
        if (contrast := float(frame[::every, ::every].std())) < self._min_contrast:
            raise BadFrame(
                "blank frame",
                f"{camera} shows nothing: contrast {contrast:.1f}, expected at least "
                f"{self._min_contrast:.1f}; is it covered, or in the dark?",
            )

    def _check_change(self, camera: str, frame: np.ndarray, positions: np.ndarray) -> None:
        last = self._seen.get(camera)
        if last is None or not np.array_equal(last.frame, frame):
            self._seen[camera] = _Seen(frame, positions)
            return
        moved = float(np.abs(positions - last.positions).max())
        if moved > self._frozen_motion:
            raise BadFrame(
                "frozen frame",
                f"{camera} shows the same picture while a joint moved {moved:.3f} rad, "
                f"allowed {self._frozen_motion:.3f}",
            )
