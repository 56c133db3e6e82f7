"""Listens to the commands as a robot would, and counts those outside the arm's limits."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from wm_planner.control.robot_config import RobotConfig

_SLACK = 1e-3  # relative; Ruckig rounds to a billionth of a radian
_PAUSE = 0.09  # s without commands after which they may start anew, but only at the measured pose
_AT_POSE = 0.05  # rad from the measured pose to where commands may start anew
_STILL = 1e-7  # rad


class Violation(NamedTuple):
    """A command that no limit allows."""

    limit: str
    excess: float  # in units of the limit, or rad for positions


class LimitsMonitor:
    """Checks each waypoint, and its differences to those before, against the robot's limits.

    The bounds are read from the configuration, not taken from the code that is checked.
    """

    def __init__(self, config: RobotConfig) -> None:
        n = len(config.arm_joints)
        margin = np.r_[np.full(n, config.position_margin), 0.0]
        self._lower = np.r_[config.lower, min(config.finger_range)] + margin
        self._upper = np.r_[config.upper, max(config.finger_range)] - margin
        rate = config.command_rate_hz
        scales = (config.velocity_scale, config.acceleration_scale, config.jerk_scale)
        arm = (config.velocity, config.acceleration, config.jerk)
        finger = (config.finger_velocity, config.finger_acceleration, config.finger_jerk)
        self._largest = {
            name: np.r_[scale * np.array(own), tip] / rate**order
            for order, (name, scale, own, tip) in enumerate(
                zip(("velocity", "acceleration", "jerk"), scales, arm, finger, strict=True), start=1
            )
        }
        self.measured: np.ndarray | None = None  # newest positions (J,) of the robot itself
        self.violations: list[Violation] = []
        self.count = 0
        self.moves: deque[float] = deque([float("-inf")], maxlen=2000)  # see `moved`
        self.arrived = float("-inf")  # when the last waypoint came, monotonic seconds
        self._last: deque[np.ndarray] = deque(maxlen=4)

    @property
    def moved(self) -> float:
        """When a waypoint last moved an arm joint, monotonic seconds."""
        return self.moves[-1]

    def rested(self, since: float, seconds: float) -> float | None:
        """When the arm first came to rest for so long, from `since` on; `since` when it did then.

        All in monotonic seconds; None when it did not.
        """
        times = [*self.moves, time.monotonic()]
        for before, after in pairwise(times):
            if after > since and after - max(before, since) > seconds:
                return max(before, since)
        return None

    def add(self, waypoint: np.ndarray) -> None:
        """The next command (J,), just arrived."""
        now = time.monotonic()
        if waypoint.shape != self._lower.shape or not np.isfinite(waypoint).all():
            self.violations.append(Violation("finite numbers, one a joint", float("nan")))
            self._last.clear()
            return
        if now - self.arrived > _PAUSE and self._starts_anew(waypoint):
            self._last.clear()
        if self._last and np.abs(waypoint - self._last[-1])[:-1].max() > _STILL:
            self.moves.append(now)
        self.arrived, self.count = now, self.count + 1
        self._last.append(waypoint)
        self._check(waypoint)

    def _starts_anew(self, waypoint: np.ndarray) -> bool:
        near = self.measured is not None and np.abs(waypoint - self.measured)[:-1].max() < _AT_POSE
        return bool(near)

    def _check(self, waypoint: np.ndarray) -> None:
        beyond = np.maximum(self._lower - waypoint, waypoint - self._upper).max()
        if beyond > 1e-6:
            self.violations.append(Violation("position", float(beyond)))
        history = np.array(self._last)
        for order, (name, largest) in enumerate(self._largest.items(), start=1):
            if len(history) > order:
                share = (np.abs(np.diff(history[-order - 1 :], order, axis=0)) / largest).max()
                if share > 1 + _SLACK:
                    self.violations.append(Violation(name, float(share)))
