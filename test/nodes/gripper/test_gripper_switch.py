"""A hand that is told over DDS: it hears every change, and what it does not hear is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from wm_planner.control.robot_config import RobotConfig
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.gripper.connect import make_hand
from wm_planner.nodes.gripper.switch import GripperSwitch
from wm_planner.paths import robot_config

ROBOT = RobotConfig.load(robot_config("panda"))
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Bench:
    """A node that tells, a node that hears, and time that the test moves."""

    def __init__(self, context: Context) -> None:
        self.planner = Node("planner", context=context)
        self.driver = Node("driver", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.planner)
        self._executor.add_node(self.driver)
        self.now = 100.0
        self.said: list[str] = []

    def switch(self, **interface: Any) -> GripperSwitch:
        told = GripperInterface(name="hand", **interface)
        hand = make_hand(self.planner, told, ROBOT, self._publisher)
        return GripperSwitch(hand, self.said.append, clock=lambda: self.now)

    def _publisher(self, name: str) -> Any:
        return self.planner.create_publisher(Bool, name, LATCHED)

    def serve(self, answer: Callable[[bool], tuple[bool, str]]) -> Any:
        def on_call(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
            response.success, response.message = answer(request.data)
            return response

        return self.driver.create_service(SetBool, "hand", on_call)

    def until(self, finished: Callable[[], object], seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not finished():
            assert time.monotonic() < end, self.said
            self._executor.spin_once(timeout_sec=0.01)

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        self._executor.shutdown()
        self.planner.destroy_node()
        self.driver.destroy_node()


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    context = Context()
    rclpy.init(context=context, domain_id=1 + (os.getpid() + 29) % 100)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture
def bench(context: Context) -> Iterator[Bench]:
    bench = Bench(context)
    yield bench
    bench.close()


def test_a_driver_that_starts_late_hears_what_was_said_last(bench):
    switch, heard = bench.switch(type="bool"), []
    switch.set(True)
    assert "was not told to open by topic /hand: nobody listens" in switch.problem
    bench.driver.create_subscription(Bool, "hand", lambda m: heard.append(m.data), LATCHED)
    bench.until(lambda: not switch._hand.missing())
    switch.set(False)
    bench.until(lambda: heard == [True])  # true closes
    assert switch.problem == "" and bench.said[-1] == ""
    again: list[bool] = []
    bench.driver.create_subscription(Bool, "hand", lambda m: again.append(m.data), LATCHED)
    bench.until(lambda: again == [True])


def test_a_driver_that_asks_for_nothing_old_is_told_again(bench):
    switch, heard = bench.switch(type="bool", open_is_true=True), []
    bench.driver.create_subscription(Bool, "hand", lambda m: heard.append(m.data), 1)
    bench.until(lambda: not switch._hand.missing())
    switch.set(True)
    bench.until(lambda: heard == [True])
    switch.watch()
    bench.spin(0.05)
    assert heard == [True]  # not due yet
    bench.now += 1.0
    switch.watch()
    bench.until(lambda: heard == [True, True])
    switch.forget()  # the arm was stopped: a person may take the thing out
    bench.now += 10.0
    switch.watch()
    bench.spin(0.05)
    assert len(heard) == 2 and switch.opened is None


def test_a_service_is_called_once_a_change(bench):
    calls: list[bool] = []
    bench.serve(lambda data: (bool(calls.append(data)) or True, ""))
    switch = bench.switch(type="set_bool")
    bench.until(lambda: not switch._hand.missing())
    for opened in (True, True, False, False):
        before = len(calls)
        switch.set(opened)
        bench.until(lambda before=before: len(calls) > before or switch._due > bench.now + 100)
    bench.now += 1e6
    switch.watch()
    bench.spin(0.05)
    assert calls == [False, True] and (switch.problem, switch.failures) == ("", 0)


def test_what_a_driver_refuses_is_told_and_tried_again(bench):
    answers = [(False, "no air"), (True, "")]
    bench.serve(lambda data: answers.pop(0))
    switch = bench.switch(type="set_bool")
    bench.until(lambda: not switch._hand.missing())
    switch.set(False)
    bench.until(lambda: switch.problem)
    assert "close by service /hand: the driver refused: no air" in switch.problem
    switch.watch()
    bench.spin(0.05)
    assert len(answers) == 1  # a pause first
    bench.now += 1.0
    switch.watch()
    bench.until(lambda: not switch.problem)
    assert bench.said[-1] == "" and switch.failures == 1 and not answers


def test_a_service_that_is_not_there_is_named_and_called_once_it_is(bench):
    switch, calls = bench.switch(type="set_bool"), []
    switch.set(False)
    assert "there is no such service: start the hand's driver" in switch.problem
    bench.serve(lambda data: (bool(calls.append(data)) or True, ""))
    bench.until(lambda: not switch._hand.missing())
    bench.now += 1.0
    switch.watch()
    bench.until(lambda: calls == [True] and not switch.problem)


def test_nobody_waits_for_a_driver_that_is_stuck(bench):
    silent = bench.driver.create_service(SetBool, "hand", lambda *_: pytest.fail("not spun"))
    bench._executor.remove_node(bench.driver)  # there, but it never answers
    switch = bench.switch(type="set_bool")
    bench.until(lambda: not switch._hand.missing())
    begin = time.monotonic()
    switch.set(False)
    switch.watch()
    assert time.monotonic() - begin < 0.1 and switch.problem == ""
    bench.now += 11.0
    switch.watch()
    assert "no answer for 10 s" in switch.problem
    switch.set(True)  # does not wait for the call before
    assert switch._waiting and switch.failures == 1
    bench.driver.destroy_service(silent)
