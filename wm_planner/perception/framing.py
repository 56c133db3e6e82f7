"""What part of a camera's picture is kept, and how large; declared once for all who look at it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from wm_planner.errors import UserError
from wm_planner.perception.images import fit

_MOST = 8192  # pixels of an edge


@dataclass(frozen=True)
class Framing:
    """How a camera's picture (h, w, 3) becomes a frame.

    Attributes:
        crop: top, left, height and width of the part that is kept, pixels; empty for all.
        squeeze: squeeze that part into a square, instead of keeping its largest centred square.
        size: height and width of the frame, pixels; 0 leaves the part as it is.
    """

    crop: tuple[int, ...] = ()
    squeeze: bool = False
    size: int = 0

    def __post_init__(self) -> None:
        whole = all(type(n) is int and 0 <= n <= _MOST for n in (*self.crop, self.size))
        if not whole or len(self.crop) not in (0, 4) or not all(self.crop[2:]):
            raise UserError(
                f"crop is {list(self.crop)}, size {self.size}; expected [top, left, height, width] "
                f"and a size in whole pixels up to {_MOST}"
            )
        if type(self.squeeze) is not bool or (self.squeeze and not self.size):
            raise UserError(f"squeeze is {self.squeeze}, expected true with a size, or false")

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The frame of a picture (h, w, 3) uint8 RGB."""
        part = self._part(picture)
        if not self.size:
            return part
        if not self.squeeze:
            return fit(part, self.size)
        return cv2.resize(part, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _part(self, picture: np.ndarray) -> np.ndarray:
        if not self.crop:
            return picture
        top, left, height, width = self.crop
        if top + height > picture.shape[0] or left + width > picture.shape[1]:
            raise UserError(
                f"crop {list(self.crop)} (top, left, height, width) does not lie in a picture of "
                f"{picture.shape[1]} x {picture.shape[0]}; change the camera or its crop"
            )
        return np.ascontiguousarray(picture[top : top + height, left : left + width])
