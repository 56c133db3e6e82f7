"""How a robot's hand is told to close and to open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from wm_planner.errors import UserError
from wm_planner.types import Grip

JOINT, BOOL, SET_BOOL = "joint", "bool", "set_bool"
GRIPPER_COMMAND, PARALLEL_GRIPPER_COMMAND = "gripper_command", "parallel_gripper_command"
GRIPPERS = (JOINT, BOOL, SET_BOOL, GRIPPER_COMMAND, PARALLEL_GRIPPER_COMMAND)


@final
@dataclass(frozen=True)
class GripperInterface:
    """What the hand's driver listens to.

    Attributes:
        type: joint, the finger is the last number of the joint commands. All others are switches of
            their own, and joint commands are of the arm alone: bool, a topic of std_msgs/Bool;
            set_bool, a service of std_srvs/SetBool; gripper_command and parallel_gripper_command,
            actions of control_msgs.
        name: of that topic, service or action; empty for joint.
        open_is_true: of bool and set_bool: true opens the hand; else true closes it, or sucks.
        measured: joint_states has the finger's joint; where it has not, the finger is taken to be
            where it was sent.
        max_effort: of the actions, N (N m where the finger turns); 0 leaves it to the driver.
    """

    type: str = JOINT
    name: str = ""
    open_is_true: bool = False
    measured: bool = True
    max_effort: float = 0.0

    def __post_init__(self) -> None:
        if self.type not in GRIPPERS:
            raise UserError(f"gripper type is {self.type!r}, expected one of {GRIPPERS}")
        for name in ("open_is_true", "measured"):
            if not isinstance(value := getattr(self, name), bool):
                raise UserError(f"gripper {name} is {value!r}, not a boolean")
        if self.separate and not self.name:
            raise UserError(f"gripper of type {self.type} has no name of its topic or service")
        if not self.separate and (self.name or not self.measured):
            raise UserError(
                "gripper of type joint is commanded and measured with the arm's joints: it has no "
                f"name, and measured is true; for a hand of its own choose one of {GRIPPERS[1:]}"
            )
        effort = self.max_effort
        if not isinstance(effort, int | float) or isinstance(effort, bool):
            raise UserError(f"gripper max_effort is {effort!r}, expected a number")
        if not 0 <= effort < math.inf:
            raise UserError(f"gripper max_effort is {effort}, expected 0 or more")

    @property
    def separate(self) -> bool:
        """The hand is told by itself, and joint commands are of the arm alone."""
        return self.type != JOINT

    @property
    def topic(self) -> str:
        """What it is told on, where that is a topic; else empty."""
        return self.name if self.type == BOOL else ""

    def flag(self, opened: bool) -> bool:
        """What a hand that is a switch is sent."""
        return opened == self.open_is_true

    def opens(self, flag: bool) -> bool:
        """Whether a hand that was sent this opens."""
        return flag == self.open_is_true

    def grip(self, opened: bool, finger_range: tuple[float, float]) -> Grip:
        """What a hand that takes a goal is sent; `finger_range` is its closed and open position."""
        return Grip(finger_range[int(opened)], float(self.max_effort))

    def commanded(self, joint_names: tuple[str, ...]) -> tuple[str, ...]:
        """Of the arm's joints and the finger, those that a joint command has."""
        return joint_names[:-1] if self.separate else joint_names
