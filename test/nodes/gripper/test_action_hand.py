"""Hands that take an action of control_msgs: real servers where it is installed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from rclpy.action import ActionServer, GoalResponse
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.gripper.action_hand import ActionHand, action_type, fill_joint_state
from wm_planner.paths import robot_config
from wm_planner.types import Grip

ROBOT = RobotConfig.load(robot_config("ur5e"))  # closed at 0.8 rad, open at 0


def test_without_control_msgs_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "control_msgs.action", None)
    with pytest.raises(UserError, match=r"needs control_msgs/action/GripperCommand.*install ros-"):
        action_type("gripper_command")


def test_a_joint_state_goal_has_an_effort_only_where_one_is_wanted():
    goal = SimpleNamespace(name=[], position=[], effort=[])
    fill_joint_state(goal, "finger", Grip(0.8, 40.0))
    assert (goal.name, goal.position, goal.effort) == (["finger"], [0.8], [40.0])
    fill_joint_state(goal, "finger", Grip(0.0, 0.0))
    assert (goal.position, goal.effort) == ([0.0], [])


class Controller:
    """A gripper's action server, and a planner's node."""

    def __init__(self, context: Context, kind: str) -> None:
        self.kind = action_type(kind)
        self.planner, self.driver = (Node(n, context=context) for n in ("planner", "driver"))
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.planner)
        self._executor.add_node(self.driver)
        self.goals: list[Any] = []
        self.accepts, self.stalls, self.reaches = True, False, True
        self._server = ActionServer(
            self.driver, self.kind, "gripper_cmd", self._execute, goal_callback=self._on_goal
        )
        interface = GripperInterface(kind, "gripper_cmd", max_effort=30.0)
        self.hand = ActionHand(self.planner, interface, ROBOT)
        self.until(lambda: not self.hand.missing())

    def _on_goal(self, goal: Any) -> GoalResponse:
        return GoalResponse.ACCEPT if self.accepts else GoalResponse.REJECT

    def _execute(self, handle: Any) -> Any:
        self.goals.append(handle.request.command)
        (handle.succeed if self.reaches else handle.abort)()
        return self.kind.Result(stalled=self.stalls, reached_goal=self.reaches)

    def told(self, opened: bool) -> str:
        answers: list[str] = []
        self.hand.tell(opened, answers.append)
        self.until(lambda: answers)
        return answers[0]

    def until(self, finished: Callable[[], object]) -> None:
        end = time.monotonic() + 5.0
        while not finished():
            assert time.monotonic() < end
            self._executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        self.hand.close()
        self._server.destroy()
        self._executor.shutdown()
        self.planner.destroy_node()
        self.driver.destroy_node()


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    pytest.importorskip("control_msgs.action", reason="control_msgs is not installed")
    context = Context()
    rclpy.init(context=context, domain_id=1 + (os.getpid() + 31) % 100)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture(params=["gripper_command", "parallel_gripper_command"])
def controller(context: Context, request: pytest.FixtureRequest) -> Iterator[Controller]:
    controller = Controller(context, request.param)
    yield controller
    controller.close()


def numbers(goal: Any) -> tuple[float, float]:
    """Position and effort of a goal of either kind."""
    if hasattr(goal, "max_effort"):
        return goal.position, goal.max_effort
    assert list(goal.name) == [ROBOT.finger_joint] and not goal.velocity
    return goal.position[0], goal.effort[0]


def test_a_server_gets_position_and_effort(controller):
    assert (controller.told(False), controller.told(True)) == ("", "")
    assert [numbers(goal) for goal in controller.goals] == [(0.8, 30.0), (0.0, 30.0)]


def test_fingers_that_stall_have_something_between_them(controller):
    controller.stalls, controller.reaches = True, False
    assert controller.told(False) == ""


def test_a_goal_that_is_refused_or_not_reached_is_told(controller):
    controller.reaches = False
    assert "status 6" in controller.told(False)
    controller.accepts = False
    assert "refused the goal" in controller.told(True)
