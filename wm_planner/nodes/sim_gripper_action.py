"""A simulated gripper's controller: it serves the actions of control_msgs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

from rclpy.action import ActionServer, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

from wm_planner.control.robot_config import RobotConfig
from wm_planner.gripper_interface import GRIPPER_COMMAND, GripperInterface
from wm_planner.nodes.gripper.action_hand import action_type

_ARRIVED = 0.05  # of the finger's range
_STILL = 1e-3  # of its range that it moves in a waypoint when it has stalled
_WAYPOINTS = 5  # in a row that it must be still


class _Outcome(NamedTuple):
    """How a goal ended."""

    position: float
    reached: bool
    overtaken: bool = False


@final
class GripperController:
    """Sends the finger where a goal says; done when it is there, or when something stops it.

    As with the controllers of ros2_control a new goal takes the place of the one before.
    """

    def __init__(
        self,
        node: Node,
        interface: GripperInterface,
        robot: RobotConfig,
        send: Callable[[float], None],
    ) -> None:
        self._kind, self._action = interface.type, action_type(interface.type)
        self._robot, self._send = robot, send
        self._goal, self._before, self._still = 0.0, 0.0, 0
        self._ended: Any = None  # future of the goal that is followed
        self._server: Any = ActionServer(
            node, self._action, interface.name, self._execute, goal_callback=self._on_goal
        )

    def watch(self, finger: float) -> None:
        """Look where the finger is after a waypoint."""
        if self._ended is None:
            return
        moved = abs(finger - self._before) > _STILL * self._robot.finger.stroke
        self._before, self._still = finger, 0 if moved else self._still + 1
        reached = abs(finger - self._goal) < _ARRIVED * self._robot.finger.stroke
        if reached or self._still >= _WAYPOINTS:
            self._end(_Outcome(finger, reached))

    def give_up(self) -> None:
        """End the goal that is followed: another one, or another episode, took its place."""
        self._end(_Outcome(self._before, False, overtaken=True))

    def _position(self, command: Any) -> float:
        """That a goal wants; not finite where it says none."""
        wanted = [command.position] if self._kind == GRIPPER_COMMAND else list(command.position)
        return float(wanted[0]) if len(wanted) == 1 else math.nan

    def _on_goal(self, goal: Any) -> GoalResponse:
        finger, position = self._robot.finger, self._position(goal.command)
        inside = finger.lower <= position <= finger.upper
        return GoalResponse.ACCEPT if inside else GoalResponse.REJECT

    async def _execute(self, handle: Any) -> Any:
        self.give_up()
        ended: Any = Future()
        self._ended, self._still = ended, 0
        self._goal = self._position(handle.request.command)
        self._send(self._goal)
        outcome: _Outcome = await ended
        (handle.abort if outcome.overtaken else handle.succeed)()
        return self._result(outcome)

    def _end(self, outcome: _Outcome) -> None:
        if self._ended is not None:
            self._ended.set_result(outcome)
            self._ended = None

    def _result(self, outcome: _Outcome) -> Any:
        stalled = not outcome.reached and not outcome.overtaken
        result = self._action.Result(stalled=stalled, reached_goal=outcome.reached)
        if self._kind == GRIPPER_COMMAND:
            result.position = outcome.position
        else:
            result.state.name = [self._robot.finger_joint]
            result.state.position = [outcome.position]
        return result
