"""A planner beside somebody who drives, over DDS: it plans what they planned, and moves nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from tiny_model import CONFIG, frames, tiny_model

from wm_planner.assembly import build_arm
from wm_planner.commands.record import RecordConfig
from wm_planner.contract import Camera, Contract
from wm_planner.errors import UserError
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.messages import encode_image, joint_state_message, status
from wm_planner.nodes.planned import read_planned
from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.record.shadow import check_shadow
from wm_planner.nodes.record.shadow_node import ShadowNode
from wm_planner.types import JointState as Joints
from wm_planner.world_models.store import save_model

RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
SEARCH = {"samples": 16, "prior_samples": 4, "iterations": 2, "elites": 4, "horizon": 3}
STILL = np.array([0.0, 0.0, 0.0, 1.0], np.float32)


class Driver:
    """A robot that somebody else drives, and what it hears of the shadow."""

    def __init__(self, shadow: ShadowNode) -> None:
        self.arm = build_arm("panda")
        self.node, self.shadow = Node("driver"), shadow
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(shadow)
        publish = self.node.create_publisher
        self.cameras = {n: publish(Image, f"{n}/color", RELIABLE) for n in CONFIG.cameras}
        self.joints = publish(JointState, "joint_states", RELIABLE)
        self.told = publish(DiagnosticStatus, "wm_planner/plan_statistics", RELIABLE)
        self.plans: list[DiagnosticStatus] = []
        self.commands: list[np.ndarray] = []
        hear = self.node.create_subscription
        hear(DiagnosticStatus, "shadow/plan_statistics", self.plans.append, RELIABLE)
        hear(Float64MultiArray, "shadow/commands", self._on_command, RELIABLE)

    def _on_command(self, message: Float64MultiArray) -> None:
        self.commands.append(np.array(message.data))

    def spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.01)
        return until()

    def show(self, step: int, pose: np.ndarray) -> float:
        """Frames and joints of a step; their stamp."""
        stamp = 10 + step / 10
        joints = Joints(pose, np.zeros(len(pose)), stamp)
        self.joints.publish(joint_state_message(joints, self.arm.joint_names))
        for name, frame in frames(step).items():
            self.cameras[name].publish(encode_image(frame, stamp, name))
        return stamp

    def tell(self, stamp: float, proprio: np.ndarray) -> None:
        """What the driver did in that step."""
        texts = {k: " ".join(map(str, v)) for k, v in (("proprio", proprio), ("action", STILL))}
        values = {"frame_stamp": f"{stamp:.6f}", **texts}
        self.told.publish(status(DiagnosticStatus.OK, "wm_planner: plan", "planned", values))


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model().world_model, CONFIG)
    os.environ.update(ros_environment(domain_id=1 + (os.getpid() + 31) % 100))
    rclpy.init()
    values = {**SEARCH, "model": str(folder), "backend": "eager", "lockstep": True}
    values |= {"max_tracking_error": 10.0, "budget": "fixed"}
    shadow = ShadowNode(
        cli_args=["--ros-args", "-r", "__node:=shadow"],
        parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
    )
    driver = Driver(shadow)
    shadow.trigger_configure()
    shadow.trigger_activate()
    assert shadow._session is not None and shadow._session.start()[0]
    ready = lambda: shadow.count_publishers("/wm_planner/plan_statistics") == 1  # noqa: E731
    assert driver.spin(10.0, ready)
    driver.spin(0.5)
    yield driver
    shadow.take_down()
    driver.executor.shutdown()
    driver.node.destroy_node()
    shadow.destroy_node()
    rclpy.shutdown()


def test_it_plans_what_the_driver_tells_from_what_the_driver_knew(driver):
    home = np.array(driver.arm.home)
    stamp = driver.show(1, home)
    assert not driver.spin(0.4, lambda: bool(driver.plans))  # nobody told that this is a step
    proprio = np.linspace(-0.5, 0.5, driver.arm.proprio_size, dtype=np.float32)
    driver.tell(stamp, proprio)
    assert driver.spin(10.0, lambda: bool(driver.plans) and len(driver.commands) == 5)
    planned = read_planned(driver.plans[-1], driver.arm)
    assert planned.stamp == pytest.approx(stamp)
    np.testing.assert_array_equal(planned.proprio, proprio)


def test_its_commands_begin_where_the_arm_is_wherever_it_was_driven(driver):
    elsewhere = np.array(driver.arm.home)
    elsewhere[0] += 0.5  # rad; a planner that drives would say that the arm is blocked
    before = len(driver.plans)
    for step in (5, 6, 7):
        driver.commands.clear()
        stamp = driver.show(step, elsewhere)
        driver.tell(stamp, np.zeros(driver.arm.proprio_size))
        wanted = before + step - 4
        planned = lambda: len(driver.plans) == wanted and len(driver.commands) == 5  # noqa: B023, E731
        assert driver.spin(10.0, planned)
        assert np.abs(driver.commands[0] - elsewhere)[:-1].max() < 0.02
        elsewhere[0] -= 0.1


def test_nothing_drives_from_it_and_what_is_not_of_this_arm_is_not_heeded(driver):
    assert driver.node.count_publishers("/wm_planner/commands") == 0
    before = len(driver.plans)
    home = np.array(driver.arm.home)
    driver.tell(driver.show(20, home), np.zeros(3))
    assert not driver.spin(0.4, lambda: len(driver.plans) > before)


def test_the_hand_belongs_to_who_drives(driver):
    driver.shadow._contract = Contract(gripper=GripperInterface("bool", "vacuum"))
    assert driver.shadow._gripper(driver.arm) is None
    assert driver.node.count_publishers("/vacuum") == 0


def test_a_shadow_is_of_the_robot_that_is_driven(tmp_path):
    save_model(tmp_path / "tiny", tiny_model().world_model, CONFIG)
    check_shadow(tmp_path / "tiny", "panda", Contract())
    with pytest.raises(UserError, match="a model of robot 'panda', and 'ur5e' is driven"):
        check_shadow(tmp_path / "tiny", "ur5e", Contract())
    with pytest.raises(UserError, match=r"sees with \['wrist'\]; the robot has \['front'\]"):
        check_shadow(tmp_path / "tiny", "panda", Contract((Camera("front"),)))
    with pytest.raises(UserError, match="nobody tells the actions"):
        RecordConfig(teleop="none", shadow="grasp")


@pytest.mark.slow
def test_a_trained_planner_agrees_with_a_person_who_drives(tmp_path):
    command = [sys.executable, "-m", "wm_planner", "record", "--task", "grasp", "--lockstep"]
    command += ["--teleop", "person", "--episodes", "2", "--shadow", "grasp_person"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]
    told = re.search(r"shadow: (\d+) of \d+ steps planned .* motions (\d+) degrees", result.stdout)
    assert told is not None, result.stdout[-2000:]
    assert int(told[1]) >= 20
    assert int(told[2]) < 60  # chance: 90
