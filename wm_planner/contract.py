"""How a robot speaks: one file for recording, import, training, replay and the running planner.

Read from config/interfaces/<robot>.yaml, or <robot>.interface.yaml beside a robot file of your own.
What it does not say, and a robot without such a file, is as the planner node has always had it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.errors import UserError
from wm_planner.gripper_interface import GripperInterface
from wm_planner.paths import config_dir
from wm_planner.perception.framing import Framing
from wm_planner.safe_yaml import read_yaml

ACTIONS = ("auto", "statistics", "commands", "joints")
COMMANDS = ("commands", "trajectory")
_TOPIC = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MOST_CAMERAS = 16


@dataclass(frozen=True)
class Camera:
    """A camera of a robot.

    Attributes:
        name: as models and datasets call it.
        topic: of its pictures; default <name>/color.
        compressed: sensor_msgs/CompressedImage instead of Image.
        delay: seconds by which its stamps are later than those of the joints at the same moment.
        framing: what of its picture is kept.
    """

    name: str
    topic: str = ""
    compressed: bool = False
    delay: float = 0.0
    framing: Framing = field(default_factory=Framing)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(f"{self.name!r} is no name of a camera")
        if not isinstance(self.compressed, bool):
            raise UserError(f"camera {self.name}: compressed is {self.compressed!r}, not a boolean")
        if not _is_seconds(abs(self.delay) if _is_number(self.delay) else None):
            raise UserError(f"camera {self.name}: delay is {self.delay!r}, expected -10 to 10 s")
        _check_topic(f"topic of camera {self.name}", self.source)

    @property
    def source(self) -> str:
        """The topic that it is read from."""
        return self.topic or f"{self.name}/color"


@dataclass(frozen=True)
class Contract:
    """Topics of a robot, and how what they carry becomes steps.

    Attributes:
        cameras: in the order of models and datasets.
        joint_states: topic of sensor_msgs/JointState.
        command: topic of what moves the arm.
        command_type: commands, std_msgs/Float64MultiArray of joint positions; or trajectory,
            trajectory_msgs/JointTrajectory.
        stamped: trajectories begin at their stamp, by a clock that planner and controller share;
            else when they arrive.
        gripper: how the hand is told to close and open.
        statistics: topic on which the planner and teleoperation through it tell each action.
        joy: topic of sensor_msgs/Joy.
        actions: what an action is told by: statistics; commands, how far the hand is sent by them;
            joints, how far it moved, for recordings without commands; or auto, the first of these
            that a recording has.
        lead: seconds by which the hand follows what it is sent to, where only joints tell it.
        max_camera_skew: seconds the frames of a step may be apart.
        max_joint_skew: seconds the nearest joint state may be from them.
        max_offset: seconds by which the stamps of one topic may be later or earlier than those of
            another, against the clock of the recording.
    """

    cameras: tuple[Camera, ...] = field(default_factory=lambda: (Camera("front"), Camera("wrist")))
    joint_states: str = "joint_states"
    command: str = "wm_planner/commands"
    command_type: str = "commands"
    stamped: bool = False
    gripper: GripperInterface = field(default_factory=GripperInterface)
    statistics: str = "wm_planner/plan_statistics"
    joy: str = "joy"
    actions: str = "auto"
    lead: float = 0.1
    max_camera_skew: float = 0.05
    max_joint_skew: float = 0.1
    max_offset: float = 0.3

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        if not 0 < len(names) <= _MOST_CAMERAS or len(set(names)) < len(names):
            raise UserError(f"cameras are {names}, expected 1 to {_MOST_CAMERAS}, each once")
        for name in ("joint_states", "command", "statistics", "joy"):
            _check_topic(name, getattr(self, name))
        if self.gripper.separate:
            _check_topic("gripper name", self.gripper.name)
        for name, choices in (("command_type", COMMANDS), ("actions", ACTIONS)):
            if getattr(self, name) not in choices:
                raise UserError(f"{name} is {getattr(self, name)!r}, expected one of {choices}")
        if not isinstance(self.stamped, bool):
            raise UserError(f"stamped is {self.stamped!r}, not a boolean")
        for name in ("lead", "max_camera_skew", "max_joint_skew", "max_offset"):
            if not _is_seconds(value := getattr(self, name)):
                raise UserError(f"{name} is {value!r}, expected seconds from 0 to 10")

    def camera(self, name: str) -> Camera:
        """The declared camera of that name, or one as it is where nothing is declared."""
        return next((c for c in self.cameras if c.name == name), None) or Camera(name)

    def frames(self, pictures: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What is kept of each camera's picture (h, w, 3) uint8 RGB."""
        found = {}
        for name, picture in pictures.items():
            try:
                found[name] = self.camera(name).framing.of(picture)
            except UserError as error:
                raise UserError(f"camera {name}: {error}") from error
        return found

    def plain(self) -> dict[str, Any]:
        """For JSON and YAML, as `load` reads it."""
        values = asdict(self)
        sources = {camera.name: camera.source for camera in self.cameras}
        cameras = {}
        for camera in values["cameras"]:
            name, framing = camera.pop("name"), camera.pop("framing")
            framing["crop"] = list(framing["crop"])
            cameras[name] = {**camera, **framing, "topic": sources[name]}
        return {**values, "cameras": cameras}

    @classmethod
    def load(cls, robot: str | Path) -> Contract:
        """Of a robot in config/robots, or of a robot file of your own."""
        for path in _places(robot):
            if path.is_file():
                return cls.read(read_yaml(path), str(path))
        return cls()

    @classmethod
    def read(cls, values: Mapping[str, Any], name: str) -> Contract:
        """From plain values; unknown keys are errors."""
        _check_keys(name, values, [f.name for f in fields(cls)])
        given = dict(values)
        try:
            if "cameras" in given:
                given["cameras"] = tuple(_cameras(given["cameras"]))
            if "gripper" in given:
                given["gripper"] = _gripper(given["gripper"])
            return cls(**given)
        except UserError as error:
            raise UserError(f"{name}: {error}") from error


def topic(name: str) -> str:
    """A topic as ROS and bags write it: from the root on."""
    return f"/{name.lstrip('/')}"


def _places(robot: str | Path) -> list[Path]:
    own = Path(robot)
    return [
        config_dir() / "interfaces" / f"{robot}.yaml",
        own.with_name(f"{own.stem}.interface.yaml"),
    ]


def _cameras(values: Any) -> Iterable[Camera]:
    if not isinstance(values, Mapping):
        raise UserError(f"cameras is {values!r}, expected a mapping from names to settings")
    framing = [f.name for f in fields(Framing)]
    for name, given in values.items():
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise UserError(f"camera {name} is {given!r}, expected a mapping of settings")
        _check_keys(f"camera {name}", given, ["topic", "compressed", "delay", *framing])
        frame = {key: given[key] for key in framing if key in given}
        if isinstance(frame.get("crop"), list):
            frame["crop"] = tuple(frame["crop"])
        rest = {key: value for key, value in given.items() if key not in framing}
        if not isinstance(frame.get("crop", ()), tuple):
            raise UserError(f"camera {name}: crop is {frame['crop']!r}, expected a list")
        yield Camera(name, **rest, framing=Framing(**frame))


def _gripper(values: Any) -> GripperInterface:
    if not isinstance(values, Mapping):
        raise UserError(f"gripper is {values!r}, expected a mapping of settings")
    _check_keys("gripper", values, [f.name for f in fields(GripperInterface)])
    return GripperInterface(**values)


def _check_keys(name: str, values: Mapping[str, Any], known: list[str]) -> None:
    if unknown := sorted(set(values) - set(known)):
        raise UserError(f"{name}: unknown keys {unknown}; there is {known}")


def _check_topic(what: str, name: Any) -> None:
    if not isinstance(name, str) or len(name) > 200 or not _TOPIC.fullmatch(name):
        raise UserError(f"{what} is {name!r}, expected the name of a ROS topic")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 10
