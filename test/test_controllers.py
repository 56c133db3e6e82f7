"""The example for ros2_control names the planner's own joints, and its message cutters cut."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import std_msgs.msg
import trajectory_msgs.msg

from wm_planner.control.robot_config import RobotConfig
from wm_planner.nodes.messages import trajectory_message, waypoint_message
from wm_planner.paths import config_dir, robot_config
from wm_planner.safe_yaml import read_yaml
from wm_planner.types import Command

PAGE = Path(__file__).resolve().parents[1] / "docs/controllers.md"
PANDA = RobotConfig.load(robot_config("panda"))


@pytest.fixture(scope="module")
def controllers():
    values = read_yaml(config_dir() / "ros2_control/panda_controllers.yaml")
    return {name: part["ros__parameters"] for name, part in values.items()}


def test_controllers_have_the_joints_of_the_robot_in_its_order(controllers):
    assert controllers["planner_trajectory"]["joints"] == list(PANDA.joint_names)
    assert controllers["planner_commands"]["joints"] == list(PANDA.joint_names)
    assert controllers["planner_arm_trajectory"]["joints"] == list(PANDA.arm_joints)
    assert controllers["gripper"]["joint"] == PANDA.finger_joint


def test_every_controller_is_declared_and_described(controllers):
    declared = {k for k, v in controllers["controller_manager"].items() if isinstance(v, dict)}
    assert declared - {"joint_state_broadcaster"} == controllers.keys() - {"controller_manager"}


def test_tolerances_are_of_known_joints(controllers):
    constraints = controllers["planner_trajectory"]["constraints"]
    assert {k for k, v in constraints.items() if isinstance(v, dict)} == set(PANDA.joint_names)


def test_a_trajectory_suits_the_controllers_checks():
    """What joint_trajectory_controller of Jazzy and Kilted refuses (validate_trajectory_msg)."""
    message = trajectory_message(command())
    assert list(message.joint_names) == list(PANDA.joint_names)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (0, 0)
    times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in message.points]
    assert times[0] > 0 and (np.diff(times) > 0).all()
    assert list(message.points[-1].velocities) == [0.0] * 8
    assert all(len(p.positions) == len(p.velocities) == 8 for p in message.points)
    assert list(message.points[-1].accelerations) == [0.0] * 8
    assert all(len(p.accelerations) == 8 and not p.effort for p in message.points)


def test_a_command_that_began_earlier_has_less_of_its_way_left():
    for age, first, count in ((0.006, 0.014, 5), (0.015, 0.025, 4)):
        points = trajectory_message(command(), age).points
        assert points[0].time_from_start.nanosec == round(first * 1e9) and len(points) == count
        times = [p.time_from_start.nanosec for p in points]
        assert (np.diff(times) == 20_000_000).all()
    late = trajectory_message(command(), 5.0)
    assert len(late.points) == 1 and late.points[0].time_from_start.nanosec == 10_000_000


def test_a_stamped_trajectory_has_the_state_at_its_stamp_and_is_held_at_its_end():
    """So that the controller never bridges the time before, nor refuses what came late."""
    message, told = trajectory_message(command(), 0.01, stamp=7.25), command()
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 250_000_000)
    first, *_, end, held = message.points
    assert (first.time_from_start.sec, first.time_from_start.nanosec) == (0, 0)
    kinds = (first.positions, first.velocities, first.accelerations)
    assert all(list(part) == own.tolist() for part, own in zip(kinds, told.start, strict=True))
    assert list(held.positions) == list(end.positions) == told.positions[-1].tolist()
    assert held.time_from_start.nanosec == 600_000_000
    assert not any(held.velocities) and not any(end.accelerations)


def test_the_pages_expressions_part_the_arm_from_the_hand():
    """As topic_tools' transform evaluates them."""
    page = PAGE.read_text().replace("\\\n", " ")
    modules = {"std_msgs": std_msgs, "trajectory_msgs": trajectory_msgs}
    arm, finger = (
        eval(f"lambda m: {words[7]}", modules)
        for block in re.findall(r"```\n(ros2 run topic_tools.*?)```", page, re.S)
        for words in map(shlex.split, re.split(r"(?m)^(?=ros2 run)", block)[1:])
    )
    message = trajectory_message(command())
    cut = arm(message)
    assert list(cut.joint_names) == list(PANDA.arm_joints)
    for old, new in zip(message.points, cut.points, strict=True):
        assert list(new.positions) == list(old.positions)[:7]
        assert list(new.velocities) == list(old.velocities)[:7]
        assert list(new.accelerations) == list(old.accelerations)[:7]
        assert new.time_from_start == old.time_from_start
    waypoint = waypoint_message(np.arange(8.0), PANDA.joint_names)
    assert list(finger(waypoint).data) == [7.0]


def command() -> Command:
    numbers = np.random.default_rng(0).normal(size=(5, 8))
    return Command(PANDA.joint_names, numbers[:3], numbers, numbers, numbers, 0.02)
