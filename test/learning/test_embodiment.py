"""A model is trained for the robot that its data is of."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.collect import CollectConfig
from wm_planner.learning.embodiment import embodiment


def dataset(path: Path, described: str | None) -> Path:
    write_dataset(path, [toy_episode(0)])
    if described is not None:
        with h5py.File(path, "a") as file:
            file["data"].attrs["env_args"] = described
    return path


@pytest.mark.parametrize(
    "described", [None, "{}", "no json", "[1]", json.dumps({"env_kwargs": {"robot": "ur5e"}})]
)
def test_the_robot_that_is_asked_for_unless_the_data_says_otherwise(tmp_path, described):
    robot = embodiment("ur5e", [dataset(tmp_path / "d.hdf5", described)])
    assert robot.arm_joints[0] == "shoulder_pan_joint"


def test_data_of_another_robot_is_refused(tmp_path):
    other = dataset(tmp_path / "d.hdf5", json.dumps({"env_kwargs": {"robot": "ur5e"}}))
    with pytest.raises(UserError, match=r"robot 'ur5e'.* for 'panda'; give --robot ur5e"):
        embodiment("panda", [other])


def test_data_is_collected_with_any_robot_there_is():
    assert CollectConfig(robot="ur5e_yaw", task="grasp_long").env.robot == "ur5e_yaw"
    with pytest.raises(UserError, match="unknown robot 'ur7'"):
        CollectConfig(robot="ur7")
