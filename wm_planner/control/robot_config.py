"""What the controller must know of an arm; read from config/robots/<name>.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_yaml

Vector = tuple[float, ...]
_POSITIVE = (
    "finger_velocity", "finger_acceleration", "finger_jerk", "action_step", "goal_reach",
    "control_rate_hz", "command_rate_hz",
)  # fmt: skip
_POSITIVE_VECTORS = ("velocity", "acceleration", "jerk")
_SCALES = ("velocity_scale", "acceleration_scale", "jerk_scale")
_MOST_JOINTS = 32
_MOST_RATE = 10_000.0  # Hz
_MOST = 1e6  # of any number: no arm has more, whatever the unit
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.xml")


@dataclass(frozen=True)
class RobotConfig:
    """An arm with a parallel gripper: names, limits and how far an action reaches.

    Attributes:
        mjcf: name of the file with the arm's kinematics, in models/mjcf.
        arm_joints: names of the n arm joints, base to hand.
        finger_joint: name of the joint that stands for the gripper's opening.
        hand_site: site in the MJCF between the fingertips.
        home: rest pose, rad (n).
        lower: lower position limits, rad (n).
        upper: upper position limits, rad (n).
        velocity: velocity limits, rad/s (n).
        acceleration: acceleration limits, rad/s^2 (n).
        jerk: jerk limits, rad/s^3 (n).
        position_margin: kept free at both ends of every arm joint, rad.
        velocity_scale: share of the velocity limits to use, (0, 1].
        acceleration_scale: share of the acceleration limits to use, (0, 1].
        jerk_scale: share of the jerk limits to use, (0, 1].
        finger_range: closed and open position of the finger, m.
        finger_velocity: m/s.
        finger_acceleration: m/s^2.
        finger_jerk: m/s^3.
        workspace_lower: lower corner of the box the hand may be in, m, arm base frame.
        workspace_upper: upper corner of that box, m.
        action_step: how far an action of size 1 moves the goal, m.
        goal_reach: how far the goal may run ahead of the hand, m.
        control_rate_hz: actions per second.
        command_rate_hz: waypoints per second, a multiple of control_rate_hz.
    """

    mjcf: str
    arm_joints: tuple[str, ...]
    finger_joint: str
    hand_site: str
    home: Vector
    lower: Vector
    upper: Vector
    velocity: Vector
    acceleration: Vector
    jerk: Vector
    position_margin: float
    velocity_scale: float
    acceleration_scale: float
    jerk_scale: float
    finger_range: tuple[float, float]
    finger_velocity: float
    finger_acceleration: float
    finger_jerk: float
    workspace_lower: Vector
    workspace_upper: Vector
    action_step: float
    goal_reach: float
    control_rate_hz: float
    command_rate_hz: float

    def __post_init__(self) -> None:
        self._check_names()
        n = len(self.arm_joints)
        for name in ("home", "lower", "upper", "velocity", "acceleration", "jerk"):
            self._check_numbers(name, n, f", one for each of arm_joints {list(self.arm_joints)}")
        for name in ("workspace_lower", "workspace_upper"):
            self._check_numbers(name, 3)
        self._check_numbers("finger_range", 2)
        for name in _SCALES:
            if not _is_number(share := getattr(self, name)) or not 0 < share <= 1:
                raise UserError(f"robot config: {name} is {share}, expected (0, 1]")
        for name in (*_POSITIVE, *_POSITIVE_VECTORS):
            value = getattr(self, name)
            numbers = value if name in _POSITIVE_VECTORS else (value,)
            if not all(_is_number(number) and number > 0 for number in numbers):
                raise UserError(
                    f"robot config: {name} is {value}, expected above 0, at most {_MOST:g}"
                )
        self._check_rates()
        self._check_ranges()

    def _check_names(self) -> None:
        joints = self.arm_joints
        if not isinstance(joints, tuple) or not 0 < len(joints) <= _MOST_JOINTS:
            raise UserError(f"robot config: arm_joints is {joints!r}, expected 1 to {_MOST_JOINTS}")
        for name in (*joints, self.finger_joint, self.hand_site):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UserError(
                    f"robot config: {name!r} is no name of a joint or site in an MJCF file"
                )
        if len({*joints, self.finger_joint}) <= len(joints):
            raise UserError(f"robot config: {[*joints, self.finger_joint]} has a joint twice")
        if not isinstance(self.mjcf, str) or not _FILE.fullmatch(self.mjcf):
            raise UserError(
                f"robot config: mjcf is {self.mjcf!r}, expected the name of an .xml file in "
                "models/mjcf, without a folder; put the arm's file there"
            )

    def _check_rates(self) -> None:
        if self.command_rate_hz > _MOST_RATE:
            raise UserError(
                f"robot config: command_rate_hz is {self.command_rate_hz}, at most {_MOST_RATE:g}"
            )
        ratio = self.command_rate_hz / self.control_rate_hz
        if ratio < 1 or ratio != round(ratio):
            raise UserError(
                f"robot config: command_rate_hz {self.command_rate_hz} is not a whole multiple of "
                f"control_rate_hz {self.control_rate_hz}"
            )

    def _check_ranges(self) -> None:
        for low, high in (("lower", "upper"), ("workspace_lower", "workspace_upper")):
            if not (np.array(getattr(self, low)) < getattr(self, high)).all():
                raise UserError(
                    f"robot config: {low} {getattr(self, low)} must be below {high} "
                    f"{getattr(self, high)}"
                )
        if not self.finger_range[0] < self.finger_range[1]:
            raise UserError(
                f"robot config: finger_range is {self.finger_range}, expected closed below open"
            )
        margin, room = self.position_margin, np.subtract(self.upper, self.lower).min()
        if not _is_number(margin) or not 0 <= margin < room / 2:
            raise UserError(
                f"robot config: position_margin is {margin}, expected 0 up to half of the "
                f"smallest joint range, {room / 2:g}"
            )
        inside = (np.array(self.home) > self.lower) & (np.array(self.home) < self.upper)
        if not inside.all():
            raise UserError(f"robot config: home {self.home} is outside [lower, upper]")

    def _check_numbers(self, name: str, size: int, why: str = "") -> None:
        values = getattr(self, name)
        if not isinstance(values, tuple) or len(values) != size:
            count = len(values) if isinstance(values, tuple) else 1
            raise UserError(f"robot config: {name} has {count} values, expected {size}{why}")
        if not all(map(_is_number, values)):
            raise UserError(
                f"robot config: {name} is {values}, expected finite numbers, at most {_MOST:g}"
            )

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Arm joints, then the finger: the order of every joint vector."""
        return (*self.arm_joints, self.finger_joint)

    @property
    def waypoints_per_action(self) -> int:
        return round(self.command_rate_hz / self.control_rate_hz)

    @classmethod
    def load(cls, path: Path) -> RobotConfig:
        """Read a YAML file; unknown or missing keys are errors."""
        values = read_yaml(path)
        known = {field.name for field in fields(cls)}
        for kind, keys in (("unknown", values.keys() - known), ("missing", known - values.keys())):
            if keys:
                raise UserError(f"{path}: {kind} keys {sorted(keys)}; a robot has {sorted(known)}")
        typed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**typed)


def _is_number(value: Any) -> bool:
    """A number that an arm can have; NaN, infinity, true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
