"""A robot's file says everything about it; what it gets wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.paths import robot_config


@pytest.fixture
def values() -> dict:
    return yaml.safe_load(robot_config("panda").read_text())


def load(tmp_path: Path, values: object) -> RobotConfig:
    file = tmp_path / "robot.yaml"
    file.write_text(yaml.safe_dump(values))
    return RobotConfig.load(file)


def test_the_panda_has_its_seven_joints_and_a_finger(tmp_path, values):
    config = load(tmp_path, values)
    names = tuple(f"panda_joint{i}" for i in range(1, 8))
    assert config.joint_names == (*names, "panda_finger_joint1")
    assert config.waypoints_per_action == 5


def test_unknown_and_missing_keys_are_named(tmp_path, values):
    with pytest.raises(UserError, match=r"unknown keys \['speed'\]"):
        load(tmp_path, values | {"speed": 1})
    del values["jerk"]
    with pytest.raises(UserError, match=r"missing keys \['jerk'\]"):
        load(tmp_path, values)


@pytest.mark.parametrize("key", ["home", "lower", "upper", "velocity", "acceleration", "jerk"])
def test_a_vector_of_the_wrong_size_is_named(tmp_path, values, key):
    with pytest.raises(UserError, match=f"{key} has 6 values, expected 7"):
        load(tmp_path, values | {key: values[key][:6]})


@pytest.mark.parametrize("key", ["workspace_lower", "workspace_upper", "finger_range"])
def test_a_box_or_range_of_the_wrong_size_is_named(tmp_path, values, key):
    with pytest.raises(UserError, match=f"{key} has {len(values[key]) + 1} values"):
        load(tmp_path, values | {key: [*values[key], 1.0]})


@pytest.mark.parametrize("key", ["velocity_scale", "acceleration_scale", "jerk_scale"])
@pytest.mark.parametrize("scale", [0, -0.5, 1.01, float("nan")])
def test_a_scale_must_be_a_share_of_the_published_limit(tmp_path, values, key, scale):
    with pytest.raises(UserError, match=rf"{key} is .*, expected \(0, 1\]"):
        load(tmp_path, values | {key: scale})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("velocity", [2.0] * 6 + [0.0]),
        ("jerk", [float("nan")] * 7),
        ("finger_velocity", -0.2),
        ("action_step", 0.0),
        ("goal_reach", "far"),
        ("control_rate_hz", 0.0),
        ("lower", [None] * 7),
    ],
)
def test_a_limit_that_is_no_number_or_not_positive_is_named(tmp_path, values, key, value):
    with pytest.raises(UserError, match=key):
        load(tmp_path, values | {key: value})


@pytest.mark.parametrize("rate", [5.0, 25.0])
def test_command_and_control_rate_must_fit(tmp_path, values, rate):
    with pytest.raises(UserError, match="command_rate_hz"):
        load(tmp_path, values | {"command_rate_hz": rate})


def test_home_must_be_inside_the_limits(tmp_path, values):
    with pytest.raises(UserError, match="home"):
        load(tmp_path, values | {"home": [3.0, *values["home"][1:]]})


def test_the_workspace_must_not_be_empty(tmp_path, values):
    with pytest.raises(UserError, match="workspace_lower"):
        load(tmp_path, values | {"workspace_lower": list(values["workspace_upper"])})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"finger_range": [0.04, 0.04]}, "finger_range is .* that differ"),
        ({"lower": [3.0] * 7}, "lower .* must be below upper"),
        ({"position_margin": 3.0}, "position_margin is 3.0"),
        ({"position_margin": -0.1}, "position_margin is -0.1"),
        ({"velocity": [1e9] * 7}, "velocity .* at most 1e"),
        ({"workspace_upper": [1e9] * 3}, "workspace_upper .* at most 1e"),
        ({"control_rate_hz": 20000.0, "command_rate_hz": 20000.0}, "command_rate_hz .* 10000"),
        ({"control_rate_hz": [10.0]}, "control_rate_hz"),
        ({"velocity_scale": True}, "velocity_scale is True"),
        ({"arm_joints": []}, "arm_joints"),
        ({"arm_joints": [f"j{i}" for i in range(100)]}, "expected 1 to 32"),
        ({"finger_joint": "panda_joint1"}, "a joint twice"),
        ({"hand_site": ["a"]}, "no name of a joint or site"),
        ({"mjcf": "../../etc/panda.xml"}, "without a folder"),
        ({"mjcf": "/tmp/panda.xml"}, "without a folder"),
        ({"mjcf": "panda.txt"}, "xml"),
        ({"hand_mjcf": "../cup.xml", "hand_replaces": "panda_hand"}, "hand_mjcf is '../cup.xml'"),
        ({"hand_mjcf": "cup.xml"}, "hand_replaces '': expected a file and the body"),
        ({"hand_replaces": "panda_hand"}, "hand_mjcf is '' and hand_replaces 'panda_hand'"),
        ({"hand_mjcf": 7, "hand_replaces": "panda_hand"}, "hand_mjcf is 7"),
        ({"finger_unit": "vacuum"}, r"finger_range is .* expected \[1, 0\]"),
        ({"finger_unit": "inch"}, "expected m or rad or vacuum"),
    ],
)
def test_what_no_arm_has_is_refused(tmp_path, values, changes, message):
    with pytest.raises(UserError, match=message):
        load(tmp_path, values | changes)


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "", "home: [1, 2"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    file = tmp_path / "robot.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"robot\.yaml"):
        RobotConfig.load(file)
