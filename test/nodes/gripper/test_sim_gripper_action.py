"""The simulated gripper's controller, asked by a real action client where control_msgs is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from wm_planner.control.robot_config import RobotConfig
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.gripper.action_hand import ActionHand
from wm_planner.nodes.sim_gripper_action import GripperController
from wm_planner.paths import robot_config

ROBOT = RobotConfig.load(robot_config("panda"))  # closed at 0 m, open at 0.04


class Loop:
    """A planner's hand, a controller, and a finger that `stops` may hold up."""

    def __init__(self, context: Context, kind: str) -> None:
        self.planner, self.sim = (Node(n, context=context) for n in ("planner", "sim"))
        self._executor = SingleThreadedExecutor(context=context)
        for node in (self.planner, self.sim):
            self._executor.add_node(node)
        self.finger, self.goal, self.stops = 0.04, 0.04, 0.0
        interface = GripperInterface(kind, f"{kind}_cmd")
        self.controller = GripperController(self.sim, interface, ROBOT, self._send)
        self.hand = ActionHand(self.planner, interface, ROBOT)
        self.until(lambda: not self.hand.missing())

    def _send(self, position: float) -> None:
        self.goal = position

    def until(self, finished: Callable[[], object], moves: bool = True) -> None:
        end = time.monotonic() + 5.0
        while not finished():
            assert time.monotonic() < end
            self._executor.spin_once(timeout_sec=0.01)
            if moves:
                way = min(max(self.goal - self.finger, -0.004), 0.004)
                self.finger = max(self.finger + way, self.stops)
                self.controller.watch(self.finger)

    def tell(self, opened: bool) -> list[str]:
        answers: list[str] = []
        self.hand.tell(opened, answers.append)
        return answers

    def close(self) -> None:
        self.hand.close()
        self._executor.shutdown()
        self.planner.destroy_node()
        self.sim.destroy_node()


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    pytest.importorskip("control_msgs.action", reason="control_msgs is not installed")
    context = Context()
    rclpy.init(context=context, domain_id=1 + (os.getpid() + 32) % 100)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture(params=["gripper_command", "parallel_gripper_command"])
def loop(context: Context, request: pytest.FixtureRequest) -> Iterator[Loop]:
    loop = Loop(context, request.param)
    yield loop
    loop.close()


def test_a_goal_is_done_when_the_finger_is_there(loop):
    answers = loop.tell(False)
    loop.until(lambda: answers)
    assert answers == [""] and loop.finger < 0.002


def test_a_finger_that_something_stops_has_done_it_too(loop):
    loop.stops = 0.02
    answers = loop.tell(False)
    loop.until(lambda: answers)
    assert answers == [""] and loop.finger == 0.02


def test_a_new_goal_takes_the_place_of_the_one_before(loop):
    first = loop.tell(False)
    loop.until(lambda: loop.goal == 0.0, moves=False)
    second = loop.tell(True)
    loop.until(lambda: second and first)
    assert second == [""] and "status 6" in first[0] and loop.finger == 0.04
