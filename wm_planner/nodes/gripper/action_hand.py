"""Hands whose drivers take an action of control_msgs, which need not be installed."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any, final

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.gripper_interface import GRIPPER_COMMAND, PARALLEL_GRIPPER_COMMAND, GripperInterface
from wm_planner.nodes.gripper.hand import Answer
from wm_planner.types import Grip

_ACTIONS = {GRIPPER_COMMAND: "GripperCommand", PARALLEL_GRIPPER_COMMAND: "ParallelGripperCommand"}


@final
class ActionHand:
    """Takes control_msgs/GripperCommand or ParallelGripperCommand.

    A new goal takes the place of the one before, as the controllers of ros2_control do it: nothing
    is ever cancelled, for a cancelled gripper may let go.
    """

    repeat = math.inf

    def __init__(self, node: Node, interface: GripperInterface, robot: RobotConfig) -> None:
        self._interface, self._robot = interface, robot
        self._action = action_type(interface.type)
        self._client: Any = ActionClient(node, self._action, interface.name)
        self.where = f"action {node.resolve_service_name(interface.name)}"

    def missing(self) -> str:
        if self._client.server_is_ready():
            return ""
        return "there is no such action: start the hand's controller, or correct the name"

    def tell(self, opened: bool, answer: Answer) -> None:
        grip = self._interface.grip(opened, self._robot.finger_range)
        goal = self._action.Goal()
        if self._interface.type == GRIPPER_COMMAND:
            goal.command.position, goal.command.max_effort = grip
        else:
            fill_joint_state(goal.command, self._robot.finger_joint, grip)
        self._client.send_goal_async(goal).add_done_callback(lambda sent: _accepted(sent, answer))

    def give_up(self) -> None:
        pass

    def close(self) -> None:
        self._client.destroy()


def action_type(kind: str) -> Any:
    """The action of a gripper type; a UserError where control_msgs is not installed."""
    try:
        return getattr(import_module("control_msgs.action"), _ACTIONS[kind])
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"a gripper of type {kind} needs control_msgs/action/{_ACTIONS[kind]} ({error}); "
            "install ros-$ROS_DISTRO-control-msgs and source the workspace that has it"
        ) from error


def fill_joint_state(command: Any, joint: str, grip: Grip) -> None:
    """A ParallelGripperCommand's goal: without an effort the controller uses its own."""
    command.name, command.position = [joint], [grip.position]
    command.effort = [grip.max_effort] if grip.max_effort else []


def _accepted(sent: Any, answer: Answer) -> None:
    if (error := sent.exception()) is not None:
        answer(str(error))
        return
    goal = sent.result()
    if not goal.accepted:
        answer("the controller refused the goal; is it active, and the position in its range?")
        return
    goal.get_result_async().add_done_callback(lambda done: answer(_failure(done)))


def _failure(done: Any) -> str:
    """What stalls has an object in its fingers."""
    if (error := done.exception()) is not None:
        return str(error)
    outcome = done.result()
    if outcome.status == GoalStatus.STATUS_SUCCEEDED or outcome.result.stalled:
        return ""
    return f"the goal ended with status {outcome.status} (action_msgs/GoalStatus), not reached"
