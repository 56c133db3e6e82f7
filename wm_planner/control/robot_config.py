"""What the controller must know of an arm; read from config/robots/<name>.yaml."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.control.finger import UNITS, VACUUM, Finger
from wm_planner.control.robot_values import MOST, is_name, is_number
from wm_planner.errors import UserError
from wm_planner.paths import mjcf_dir
from wm_planner.safe_yaml import read_yaml
from wm_planner.types import ActionSpace

Vector = tuple[float, ...]
_POSITIVE = (
    "finger_velocity", "finger_acceleration", "finger_jerk", "action_step", "goal_reach",
    "control_rate_hz", "command_rate_hz", "rotation_step", "rotation_reach", "rotation_range",
)  # fmt: skip
_NOT_NEGATIVE = ("clearance", "slow_near_singularity", "finger_opening")
_POSITIVE_VECTORS = ("velocity", "acceleration", "jerk")
_SCALES = ("velocity_scale", "acceleration_scale", "jerk_scale")
ROTATIONS = {"none": 0, "yaw": 1, "full": 3}
"""What an action can turn the hand by, and how many numbers of the action that takes."""
_MOST_TURN = 3.1  # rad: half a turn has no direction
_MOST_JOINTS = 32
_MOST_RATE = 10_000.0  # Hz
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.xml")


@dataclass(frozen=True)
class RobotConfig:
    """An arm with a gripper or a suction cup: names, limits and how far an action reaches.

    Attributes:
        mjcf: name of the file with the arm's kinematics, beside this one or in models/mjcf.
        arm_joints: names of the n arm joints, base to hand.
        finger_joint: name of the joint that stands for the gripper's opening; of a suction cup the
            name of the MJCF's adhesion actuator.
        hand_site: site in the MJCF between the fingertips, or at the cup's lip.
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
        finger_range: closed and open position of the finger, in its unit; either may be higher.
        finger_velocity: unit/s.
        finger_acceleration: unit/s^2.
        finger_jerk: unit/s^3.
        workspace_lower: lower corner of the box the hand may be in, m, arm base frame.
        workspace_upper: upper corner of that box, m.
        action_step: how far an action of size 1 moves the goal, m.
        goal_reach: how far the goal may run ahead of the hand, m.
        control_rate_hz: actions per second.
        command_rate_hz: waypoints per second, a multiple of control_rate_hz.
        rotation: what actions turn the hand by: none, yaw (about the base's z), or full (a
            rotation vector in the base's frame). Without it the hand keeps its home orientation.
        rotation_step: how far an action of size 1 turns the goal, rad.
        rotation_reach: how far the goal may be turned ahead of the hand, rad.
        rotation_range: how far the hand may be turned from its home orientation, rad.
        clearance: kept between parts of the arm, and from them to the table the arm stands on
            (z = 0), m; 0: nothing looks.
        slow_near_singularity: smallest singular value of the hand's Jacobian (turns count 0.25 m
            a rad) below which goals slow down; at a quarter of it they stop. 0: never.
        finger_unit: m, rad, or vacuum: of a suction cup, 1 holds and 0 lets go.
        finger_opening: between the fingertips of the open gripper, m; 0: twice the finger's way.
        finger_bodies: bodies of the MJCF that hold a thing between them; simulation only.
        wrist_camera: where the simulation mounts the camera `wrist`, in the frame of the hand site:
            x, y, z in m, rad it leans towards the tips, vertical field of view in degrees; none:
            the MJCF has that camera, or there is none.
        hand_mjcf: name of a file with another hand, in the frame of the body that it replaces; its
            names then begin with `hand_`. Empty: the arm's own hand.
        hand_replaces: body of the arm's MJCF that makes room for it.
        folder: where the file that this was read from lies; not a key of the file.
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
    rotation: str = "none"
    rotation_step: float = 0.2
    rotation_reach: float = 0.3
    rotation_range: float = 2.0
    clearance: float = 0.0
    slow_near_singularity: float = 0.0
    finger_unit: str = "m"
    finger_opening: float = 0.0
    finger_bodies: tuple[str, ...] = ()
    wrist_camera: Vector = ()
    hand_mjcf: str = ""
    hand_replaces: str = ""
    folder: Path | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._check_names()
        n = len(self.arm_joints)
        for name in ("home", "lower", "upper", "velocity", "acceleration", "jerk"):
            self._check_numbers(name, n, f", one for each of arm_joints {list(self.arm_joints)}")
        for name in ("workspace_lower", "workspace_upper"):
            self._check_numbers(name, 3)
        self._check_numbers("finger_range", 2)
        for name in _SCALES:
            if not is_number(share := getattr(self, name)) or not 0 < share <= 1:
                raise UserError(f"robot config: {name} is {share}, expected (0, 1]")
        for name in (*_POSITIVE, *_POSITIVE_VECTORS):
            value = getattr(self, name)
            numbers = value if name in _POSITIVE_VECTORS else (value,)
            if not all(is_number(number) and number > 0 for number in numbers):
                raise UserError(
                    f"robot config: {name} is {value}, expected above 0, at most {MOST:g}"
                )
        self._check_rates()
        self._check_ranges()
        self._check_extras()

    def _check_names(self) -> None:
        joints = self.arm_joints
        if not isinstance(joints, tuple) or not 0 < len(joints) <= _MOST_JOINTS:
            raise UserError(f"robot config: arm_joints is {joints!r}, expected 1 to {_MOST_JOINTS}")
        for name in (*joints, self.finger_joint, self.hand_site):
            if not is_name(name):
                raise UserError(
                    f"robot config: {name!r} is no name of a joint or site in an MJCF file"
                )
        if len({*joints, self.finger_joint}) <= len(joints):
            raise UserError(f"robot config: {[*joints, self.finger_joint]} has a joint twice")
        for name in ("mjcf", "hand_mjcf") if self.hand_mjcf else ("mjcf",):
            if not isinstance(file := getattr(self, name), str) or not _FILE.fullmatch(file):
                raise UserError(
                    f"robot config: {name} is {file!r}, expected the name of an .xml file in "
                    "models/mjcf, without a folder; put the file there"
                )
        if bool(self.hand_mjcf) != is_name(self.hand_replaces):
            raise UserError(
                f"robot config: hand_mjcf is {self.hand_mjcf!r} and hand_replaces "
                f"{self.hand_replaces!r}: expected a file and the body that it replaces, or neither"
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
        if self.finger_range[0] == self.finger_range[1]:
            raise UserError(
                f"robot config: finger_range is {self.finger_range}, expected a closed and an open "
                "position that differ"
            )
        if self.suction and self.finger_range != (1, 0):
            raise UserError(
                f"robot config: finger_range is {self.finger_range}, expected [1, 0] of a suction "
                "cup: with its vacuum it holds, without it lets go"
            )
        margin, room = self.position_margin, np.subtract(self.upper, self.lower).min()
        if not is_number(margin) or not 0 <= margin < room / 2:
            raise UserError(
                f"robot config: position_margin is {margin}, expected 0 up to half of the "
                f"smallest joint range, {room / 2:g}"
            )
        inside = (np.array(self.home) > self.lower) & (np.array(self.home) < self.upper)
        if not inside.all():
            raise UserError(f"robot config: home {self.home} is outside [lower, upper]")

    def _check_extras(self) -> None:
        for name, allowed in (("rotation", tuple(ROTATIONS)), ("finger_unit", UNITS)):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"robot config: {name} is {getattr(self, name)!r}, expected "
                    f"{' or '.join(allowed)}"
                )
        if self.rotation_range > _MOST_TURN:
            raise UserError(
                f"robot config: rotation_range is {self.rotation_range}, at most {_MOST_TURN} rad"
            )
        for name in _NOT_NEGATIVE:
            if not is_number(value := getattr(self, name)) or value < 0:
                raise UserError(f"robot config: {name} is {value}, expected 0 or more")
        if self.finger_bodies:
            names = self.finger_bodies
            if not isinstance(names, tuple) or len(names) != 2 or not all(map(is_name, names)):
                raise UserError(
                    f"robot config: finger_bodies is {names!r}, expected names of two bodies"
                )
        if self.wrist_camera:
            self._check_numbers("wrist_camera", 5, ": x, y, z (m), tilt (rad), fovy (degrees)")
            if not 1 <= self.wrist_camera[4] <= 170:
                raise UserError(
                    f"robot config: wrist_camera looks over {self.wrist_camera[4]} degrees, "
                    "expected 1 to 170"
                )

    def _check_numbers(self, name: str, size: int, why: str = "") -> None:
        values = getattr(self, name)
        if not isinstance(values, tuple) or len(values) != size:
            count = len(values) if isinstance(values, tuple) else 1
            raise UserError(f"robot config: {name} has {count} values, expected {size}{why}")
        if not all(map(is_number, values)):
            raise UserError(
                f"robot config: {name} is {values}, expected finite numbers, at most {MOST:g}"
            )

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Arm joints, then the finger: the order of every joint vector."""
        return (*self.arm_joints, self.finger_joint)

    @property
    def suction(self) -> bool:
        """The hand is a suction cup, without a joint."""
        return self.finger_unit == VACUUM

    @property
    def moving_joints(self) -> tuple[str, ...]:
        """Those of `joint_names` that are joints of the MJCF."""
        return self.arm_joints if self.suction else self.joint_names

    @property
    def mjcf_path(self) -> Path:
        """The file with the arm's kinematics."""
        return self.file_of(self.mjcf)

    def file_of(self, mjcf: str) -> Path:
        """A file of that name: beside this robot's own, or in models/mjcf."""
        beside = None if self.folder is None else self.folder / mjcf
        return beside if beside is not None and beside.is_file() else mjcf_dir() / mjcf

    @property
    def finger(self) -> Finger:
        """What the gripper's finger does."""
        return Finger(*self.finger_range, self.finger_opening)

    @property
    def action_space(self) -> ActionSpace:
        """Of dx, dy, dz, what turns the hand, and the gripper's switch."""
        size = 4 + ROTATIONS[self.rotation]
        return ActionSpace(size, switches=(size - 1,))

    @property
    def waypoints_per_action(self) -> int:
        return round(self.command_rate_hz / self.control_rate_hz)

    @classmethod
    def load(cls, path: Path) -> RobotConfig:
        """Read a YAML file; unknown or missing keys are errors."""
        values = read_yaml(path)
        known = {f.name for f in fields(cls)} - {"folder"}
        needed = {f.name for f in fields(cls) if f.default is MISSING}
        for kind, keys in (("unknown", values.keys() - known), ("missing", needed - values.keys())):
            if keys:
                raise UserError(f"{path}: {kind} keys {sorted(keys)}; a robot has {sorted(known)}")
        typed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**typed, folder=path.parent)
