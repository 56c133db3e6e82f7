"""Whatever goes wrong, the arm holds, the diagnostics say why, and good data brings it back."""

import os

import bad_robot
import numpy as np
import pytest
import rclpy

from wm_planner.assembly import build_arm
from wm_planner.nodes.messages import to_time


@pytest.fixture(scope="module")
def robot():
    robot = bad_robot.start(domain_id=101 + os.getpid() % 100)
    try:
        robot.activate()
        assert robot.trigger("start").success
        assert robot.wait_for_fault("")
        yield robot
        assert robot.close() == 0
    finally:
        if robot.process.poll() is None:
            robot.process.kill()
        rclpy.shutdown()


def nan_joint(message):
    message.position[2] = float("nan")
    return message


def missing_joint(message):
    message.name, message.position = message.name[1:], message.position[1:]
    return message


def nothing(message):
    return None


def short(message):
    message.data = message.data[:-5]
    return message


def unknown_encoding(message):
    message.encoding = "yuv422"
    return message


def old(message):
    message.header.stamp = to_time(message.header.stamp.sec - 5.0)
    return message


FAULTS = [
    ("spoil_joints", nan_joint, "joint state: joint positions of ['panda_joint3'] are not finite"),
    ("spoil_joints", missing_joint, "joint state: joint state lacks ['panda_joint1']"),
    ("spoil_joints", nothing, "stale joint state: 0."),
    ("spoil_image", nothing, "no frame"),
    ("spoil_image", short, "planning: image data has 12283 bytes, expected 12288"),
    ("spoil_image", old, "stale frame: 5."),
    ("spoil_image", unknown_encoding, "planning: image encoding is 'yuv422'"),
]


@pytest.mark.parametrize(
    ("part", "spoil", "complaint"), FAULTS, ids=lambda x: getattr(x, "__name__", "")
)
def test_fault_holds_the_arm_and_heals(robot, part, spoil, complaint):
    assert len(robot.spin(0.5)) > 5, "commands flow before the fault"
    setattr(robot, part, spoil)
    assert robot.wait_for_fault(complaint), robot.fault
    robot.spin(0.5)  # brake
    held = robot.spin(0.5)
    assert len(held) > 5 and np.ptp(held, axis=0).max() < 1e-9
    robot.heal()
    assert robot.wait_for_fault(""), robot.fault


def test_every_command_is_inside_the_limits(robot):
    shaper = build_arm("panda")._shaper
    waypoints = robot.spin(2.0)
    assert len(waypoints) > 40
    assert (waypoints >= shaper.lower - 1e-6).all() and (waypoints <= shaper.upper + 1e-6).all()
    assert (np.abs(np.diff(waypoints, axis=0)) * 50 <= shaper.velocity * 1.001).all()


def test_stop_latches_until_reset(robot):
    assert robot.trigger("stop").success
    refused = robot.trigger("start")
    assert not refused.success and "reset" in refused.message
    robot.spin(0.5)
    held = robot.spin(0.5)
    assert len(held) > 5 and np.ptp(held, axis=0).max() < 1e-9
    assert robot.trigger("reset").success and robot.trigger("start").success
    assert robot.wait_for_fault("")
