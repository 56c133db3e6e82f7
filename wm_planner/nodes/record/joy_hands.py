"""What is wanted of the arm, by sensor_msgs/Joy: of a gamepad, a SpaceMouse, or actions as such."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from sensor_msgs.msg import Joy

_STALE = 0.5  # s after which a device that says nothing is let go of
_REST = 0.12  # share of an axis that counts as not touched


class Layout(NamedTuple):
    """Where a device has what; axes as ROS drivers tell them: forward, left and up are positive."""

    axes: tuple[int, int, int]  # of x, y and z of the arm's base
    gripper: int  # button that opens and closes, pressed once
    absolute: int = -1  # axis that says where the gripper is to be; -1: there is none


LAYOUTS = {
    "action": Layout((0, 1, 2), 0, absolute=3),
    "gamepad": Layout((1, 0, 4), 0),
    "spacemouse": Layout((0, 1, 2), 0),
}


class JoyHands:
    """Hears Joy; `action` is what is wanted now."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._heard = float("-inf")
        self._move = np.zeros(3)
        self._gripper, self._pressed = 1.0, False

    def hear(self, message: Joy) -> None:
        """A message of the device; axes that it lacks are at rest."""
        axes = np.array(message.axes, np.float64)
        layout = self._layout
        if not np.isfinite(axes).all():
            return
        move = np.array([axes[i] if i < len(axes) else 0.0 for i in layout.axes])
        if layout.absolute < 0:
            move = np.where(np.abs(move) > _REST, move, 0.0)
        elif layout.absolute < len(axes):
            self._gripper = 1.0 if axes[layout.absolute] > 0 else -1.0
        self._move = np.clip(move, -1.0, 1.0)
        pressed = layout.gripper < len(message.buttons) and bool(message.buttons[layout.gripper])
        if pressed and not self._pressed and layout.absolute < 0:
            self._gripper = -self._gripper
        self._pressed, self._heard = pressed, time.monotonic()

    def action(self) -> np.ndarray:
        """(4,) in [-1, 1]; no motion while nothing is heard."""
        fresh = time.monotonic() - self._heard < _STALE
        return np.r_[self._move if fresh else np.zeros(3), self._gripper]
