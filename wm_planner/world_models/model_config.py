"""What a trained model says of itself: its config.yaml, checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from wm_planner.errors import UserError
from wm_planner.world_models.network_config import NetworkConfig

VALUE_ERROR = "value_error"  # in the provenance, where it was measured
TASKS = "tasks"  # in the provenance, of a model of several tasks
PRIVILEGED = "privileged"  # in the provenance: whether it learned what only a simulation knows
_MAX_RATE = 1000.0  # Hz
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")  # of a task, a robot or a camera


@dataclass(frozen=True)
class ModelConfig:
    """What a model was trained for, and what it needs at run time.

    Attributes:
        task: name of the task.
        robot: name of the robot in config/robots.
        cameras: names of the cameras, in the network's order.
        control_rate_hz: actions per second.
        network: shapes of the networks, of its family.
        provenance: where it came from: data, seed, updates, git revision.
    """

    task: str
    robot: str
    cameras: tuple[str, ...]
    control_rate_hz: float
    network: NetworkConfig
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """All it learned, `task` first."""
        return tuple(self.provenance.get(TASKS, [self.task]))

    @property
    def privileged(self) -> bool:
        """Whether it learned what only a simulation knows; where nothing says so, it did."""
        return self.provenance.get(PRIVILEGED, True)

    @property
    def value_error(self) -> float | None:
        """How far off imagined values are, see `learning.value_error`; None: not measured."""
        return self.provenance.get(VALUE_ERROR)

    def __post_init__(self) -> None:
        if not isinstance(self.provenance, dict):
            raise UserError(
                f"model config: provenance is {self.provenance!r}, expected names and values"
            )
        error = self.value_error
        if error is not None and not (type(error) is float and 0 <= error < math.inf):
            raise UserError(
                f"model config: provenance.{VALUE_ERROR} is {error!r}, expected a finite number, 0 "
                "or more; remove it, or train again"
            )
        if not isinstance(told := self.provenance.get(PRIVILEGED, True), bool):
            raise UserError(
                f"model config: provenance.{PRIVILEGED} is {told!r}, expected true where it "
                "learned what only a simulation knows, else false"
            )
        tasks = self.provenance.get(TASKS, [self.task])
        if not isinstance(tasks, list) or not tasks or tasks[0] != self.task:
            raise UserError(
                f"model config: provenance.{TASKS} is {tasks!r}, expected a list of tasks of which "
                f"{self.task!r} is the first"
            )
        cameras = list(self.cameras) if isinstance(self.cameras, tuple) else self.cameras
        if not isinstance(cameras, list) or len(cameras) != self.network.cameras:
            raise UserError(
                f"model config: cameras {cameras}, expected {self.network.cameras} names"
            )
        for kind, name in (
            *(("task", task) for task in tasks),
            ("robot", self.robot),
            *(("camera", camera) for camera in self.cameras),
        ):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UserError(
                    f"model config: {kind} {name!r} is no name (letters, digits, _, . and -); a "
                    "model names its task, robot and cameras, never files"
                )
        if len(set(self.cameras)) < len(self.cameras):
            raise UserError(f"model config: cameras {list(self.cameras)} has a name twice")
        rate = self.control_rate_hz
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= _MAX_RATE:
            raise UserError(
                f"model config: control_rate_hz {rate!r}, expected a number above 0, at most "
                f"{_MAX_RATE:g}"
            )

    @property
    def image_size(self) -> int:
        return self.network.image_size

    @property
    def proprio_size(self) -> int:
        return self.network.proprio_size

    @property
    def action_size(self) -> int:
        return self.network.action_size
