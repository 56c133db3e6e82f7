"""The action behind a commanded motion of the joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wm_planner.control.kinematics import Kinematics
from wm_planner.control.robot_config import RobotConfig
from wm_planner.control.rotation import HandRotation

_STILL = 1e-4  # m or rad the finger must move to say something


class ActionReader:
    """Recovers actions (dx, dy, dz, rotation, gripper) from joint positions, one a control step.

    Forward kinematics says how far the hand was sent since the last reading; divided by what an
    action of size 1 moves, `action_step`, that is the action; for turns likewise. What is more
    than one action can do is left for the next readings. The gripper is where the finger was last
    sent.

    Read from where a trajectory ends, this is the planner's own action, as far as the goal could be
    reached. Read from waypoints it is the motion of the hand itself, which follows the goal by
    about a control step: the model is told of an action as late as that.
    """

    def __init__(self, config: RobotConfig, mjcf: Path) -> None:
        self._config = config
        self._kinematics = Kinematics(config, mjcf)
        self._rotation = HandRotation(config, self._kinematics.home_orientation)
        self._opens = config.finger_range[1] - config.finger_range[0]
        self.reset(np.r_[config.home, config.finger_range[1]])

    def reset(self, positions: np.ndarray) -> None:
        """Start from joint positions (J,), rad and m."""
        self._hand = self._kinematics.hand_position(positions[:-1])
        self._turned = self._kinematics.hand_orientation(positions[:-1])
        self._finger = float(positions[-1])
        self._gripper = 1.0 if self._config.finger.is_open(self._finger) else -1.0

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Action (A,) in [-1, 1] that sends the joints to `positions` (J,), rad and m."""
        step = self._config.action_step
        way = self._kinematics.hand_position(positions[:-1]) - self._hand
        move = np.clip(way / step, -1.0, 1.0)
        self._hand = self._hand + step * move
        turn = self._rotation.between(
            self._turned, self._kinematics.hand_orientation(positions[:-1])
        )
        self._turned = self._rotation.turned(self._turned, turn)
        moved = float(positions[-1]) - self._finger
        if abs(moved) > _STILL:
            self._gripper = float(np.sign(moved * self._opens))
        self._finger = float(positions[-1])
        return np.r_[move, turn, self._gripper]
