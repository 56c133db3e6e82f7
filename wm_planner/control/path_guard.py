"""Which motions an arm must not make, although they are inside the limits of its joints."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np

from wm_planner.control.clearance import Clearance
from wm_planner.control.kinematics import Kinematics
from wm_planner.control.robot_config import RobotConfig
from wm_planner.control.shaper import Motion

_WORKSPACE_TOLERANCE = 0.02  # m the hand may leave the box while following a curved joint path
_NOT_NEARER = 5e-4  # m that parts which are too near already may come nearer on a curved path


@final
class PathGuard:
    """Looks where the hand and the parts of the arm come on a motion.

    What is wrong at its start already may stay so, but not get worse: so the arm can get out.
    """

    def __init__(self, config: RobotConfig, kinematics: Kinematics, mjcf: Path) -> None:
        self._kinematics = kinematics
        self._lower, self._upper = (
            np.array(config.workspace_lower),
            np.array(config.workspace_upper),
        )
        self._clearance = Clearance(config, mjcf) if config.clearance > 0 else None

    def refuses(self, motion: Motion, start: np.ndarray) -> str:
        """Why a motion from joint positions (J,) must not be made: `path`, `clearance`, or ""."""
        waypoints = motion.positions[::2]
        worst = max(self._outside(waypoint) for waypoint in waypoints)
        if worst > max(self._outside(start), _WORKSPACE_TOLERANCE):
            return "path"
        if self._clearance is None:
            return ""
        least = self._clearance.least(np.vstack([waypoints, motion.positions[-1]]))
        if least < self._clearance.enough:
            now = self._clearance.least(start[None])
            if least < min(now, self._clearance.enough) - _NOT_NEARER:
                return "clearance"
        return ""

    def _outside(self, position: np.ndarray) -> float:
        hand = self._kinematics.hand_position(position[:-1])
        return float(np.max(np.maximum(self._lower - hand, hand - self._upper)))
