"""How smooth what a drive gets is, against what the arm may do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.control.robot_config import RobotConfig


class Smoothness(NamedTuple):
    """Of a stream of positions; shares are of the robot's published limits, of its worst joint."""

    velocity: float  # largest
    acceleration: float
    jerk: float
    usual_jerk: float  # root of the mean square
    apart: float  # rad, the farthest from what was planned


def derivatives(positions: np.ndarray, dt: float) -> tuple[np.ndarray, ...]:
    """Velocity, acceleration and jerk of positions (T, J), by differences of cycles."""
    return tuple(np.diff(positions, n, axis=0) / dt**n for n in (1, 2, 3))


def smoothness(
    positions: np.ndarray, planned: np.ndarray, dt: float, robot: RobotConfig
) -> Smoothness:
    """Of the arm's joints in positions (T, J), which were planned (T, J)."""
    arm = slice(len(robot.arm_joints))
    limits = (robot.velocity, robot.acceleration, robot.jerk)
    velocity, acceleration, jerk = (
        np.abs(part) / np.array(limit)
        for part, limit in zip(derivatives(positions[:, arm], dt), limits, strict=True)
    )
    usual = np.sqrt((jerk**2).mean(axis=0)).max()
    apart = np.abs(positions - planned)[:, arm].max()
    found = np.stack([velocity.max(), acceleration.max(), jerk.max(), usual, apart])
    return Smoothness._make(found.tolist())
