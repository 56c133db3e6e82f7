"""From what an arm once felt, back to joints."""

from __future__ import annotations

import numpy as np

from wm_planner.control.kinematics import Kinematics
from wm_planner.control.robot_config import RobotConfig


def recalled(config: RobotConfig, kinematics: Kinematics, proprio: np.ndarray) -> np.ndarray:
    """Joint positions (J,) in which proprioception would say this (P,) of hand and finger.

    Raises:
        Unreachable: there are none near the rest pose.
    """
    lower, upper = (np.array(corner) for corner in (config.workspace_lower, config.workspace_upper))
    hand = lower + (proprio[:3] + 1) / 2 * (upper - lower)
    closed, opened = config.finger_range
    finger = closed + np.clip((proprio[6] + 1) / 2, 0, 1) * (opened - closed)
    joints = kinematics.solve(np.array(config.home), hand)
    return np.r_[kinematics.solve(joints, hand), finger]  # from nearer by, it comes nearer
