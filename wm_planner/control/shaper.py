"""Joint trajectories inside velocity, acceleration and jerk limits that always end at rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ruckig import (
    ControlInterface,
    InputParameter,
    Ruckig,
    RuckigError,
    Synchronization,
    Trajectory,
)

from wm_planner.control.robot_config import RobotConfig

_TOLERANCE = 1e-7  # rad or m, of position limits
_MAX_DURATION = 10.0  # seconds; no motion of one action comes near


class ShapingError(Exception):
    """No trajectory inside the limits was found."""


class Motion(NamedTuple):
    """Waypoints at dt, 2 dt, ... ; the last one is at rest."""

    positions: np.ndarray  # (T, J)
    velocities: np.ndarray  # (T, J)
    accelerations: np.ndarray  # (T, J)

    def with_last(self, other: Motion) -> Motion:
        """This one, but the last joint as in `other`; whoever arrives first waits at rest."""
        index = np.arange(max(len(self.positions), len(other.positions)))
        joined = []
        for arm, gripper in zip(self, other, strict=True):
            part = arm[np.minimum(index, len(arm) - 1)].copy()
            part[:, -1] = gripper[np.minimum(index, len(gripper) - 1), -1]
            joined.append(part)
        return Motion(*joined)


class MotionState(NamedTuple):
    """Where a trajectory starts."""

    position: np.ndarray  # (J,)
    velocity: np.ndarray  # (J,)
    acceleration: np.ndarray  # (J,)


class TrajectoryShaper:
    """Time-optimal jerk-limited trajectories (Ruckig: Berscheid and Kroeger, RSS 2021).

    Arm joints arrive together, the finger on its own. As every trajectory ends at rest at a target
    inside the position limits, and any later one can still brake where it would have ended, no
    chain of trajectories leaves the limits.
    """

    def __init__(self, config: RobotConfig) -> None:
        n = len(config.arm_joints)
        self.dt = 1.0 / config.command_rate_hz
        margin = np.r_[np.full(n, config.position_margin), 0.0]
        self.lower = np.r_[config.lower, config.finger.lower] + margin
        self.upper = np.r_[config.upper, config.finger.upper] - margin
        self.velocity = np.r_[
            np.array(config.velocity) * config.velocity_scale, config.finger_velocity
        ]
        self.acceleration = np.r_[
            np.array(config.acceleration) * config.acceleration_scale, config.finger_acceleration
        ]
        self.jerk = np.r_[np.array(config.jerk) * config.jerk_scale, config.finger_jerk]
        self._solver = Ruckig(n + 1)
        self._input = InputParameter(n + 1)
        self._input.max_acceleration = self.acceleration.tolist()
        self._input.max_jerk = self.jerk.tolist()
        self.speed_scale = 1.0
        self._together = [Synchronization.Time] * n + [Synchronization.No]
        self._apart = [Synchronization.No] * (n + 1)

    @property
    def speed_scale(self) -> float:
        """Share of the velocity limits that motions from now on may use, (0, 1].

        A motion that starts faster slows down first, inside the other limits.
        """
        return self._speed_scale

    @speed_scale.setter
    def speed_scale(self, share: float) -> None:
        self._speed_scale = share
        self._input.max_velocity = (share * self.velocity).tolist()

    def move(self, start: MotionState, target: np.ndarray) -> Motion:
        """Fastest motion to rest at `target` (J,), clipped to the position limits."""
        self._input.control_interface = ControlInterface.Position
        self._input.target_position = _rounded(np.clip(target, self.lower, self.upper))
        try:
            return self._shape(start, self._together)
        except ShapingError:  # Ruckig cannot always synchronise; a joint that waits may overshoot
            return self._shape(start, self._apart)

    def brake(self, start: MotionState) -> Motion:
        """Fastest motion to rest anywhere; a joint that waited for others would travel farther."""
        self._input.control_interface = ControlInterface.Velocity
        return self._shape(start, self._apart)

    def _shape(self, start: MotionState, synchronization: list[Synchronization]) -> Motion:
        velocity = np.clip(start.velocity, -self.velocity, self.velocity)
        acceleration = np.clip(start.acceleration, -self.acceleration, self.acceleration)
        self._input.current_position = _rounded(start.position)
        self._input.current_velocity = _rounded(velocity)
        self._input.current_acceleration = _rounded(acceleration)
        self._input.target_velocity = [0.0] * len(self.lower)
        self._input.target_acceleration = [0.0] * len(self.lower)
        self._input.per_dof_synchronization = synchronization
        trajectory = self._solve()
        steps = max(1, int(np.ceil(trajectory.duration / self.dt - 1e-9)))
        waypoints = [trajectory.at_time((i + 1) * self.dt) for i in range(steps)]
        motion = Motion(*(np.array([waypoint[k] for waypoint in waypoints]) for k in range(3)))
        self._check_positions(motion.positions, start.position)
        return motion

    def _solve(self) -> Trajectory:
        trajectory = Trajectory(len(self.lower))
        try:
            self._solver.calculate(self._input, trajectory)
        except RuckigError as error:
            raise ShapingError(f"no trajectory inside the limits: {error}") from error
        if trajectory.duration > _MAX_DURATION:
            raise ShapingError(f"the motion takes {trajectory.duration:.1f} s: {self._input}")
        return trajectory

    def _check_positions(self, positions: np.ndarray, start: np.ndarray) -> None:
        """Inside the limits, or no farther outside than the start."""
        too_low = positions < np.minimum(self.lower, start) - _TOLERANCE
        too_high = positions > np.maximum(self.upper, start) + _TOLERANCE
        if (outside := (too_low | too_high).any(axis=0)).any():
            joints = np.flatnonzero(outside).tolist()
            raise ShapingError(f"joints {joints} would leave their position limits on the way")


def _rounded(values: np.ndarray) -> list[float]:
    """To a billionth of a radian: Ruckig finds no solution for differences near the last bit."""
    return np.round(values, 9).tolist()
