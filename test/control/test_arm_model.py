"""An arm with another hand is the arm's own MJCF up to its flange."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from wm_planner.control.arm_model import read_arm
from wm_planner.control.kinematics import Kinematics
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.paths import robot_config


@pytest.fixture(scope="module")
def with_cup() -> RobotConfig:
    return RobotConfig.load(robot_config("panda_suction"))


def test_links_and_joints_are_those_of_the_arm(with_cup, panda_config):
    own = mujoco.MjModel.from_xml_path(str(panda_config.mjcf_path))
    cup = read_arm(with_cup, with_cup.mjcf_path).compile()
    links = [f"panda_link{i}" for i in range(8)]
    for link in links:
        for name in ("pos", "quat", "mass", "inertia", "ipos"):
            np.testing.assert_array_equal(getattr(cup.body(link), name),
                                          getattr(own.body(link), name))  # fmt: skip
    assert [cup.body(i).name for i in range(1, cup.nbody)] == [*links, "hand_ejector", "hand_cup"]
    assert [cup.joint(i).name for i in range(cup.njnt)] == list(panda_config.arm_joints)
    assert [cup.actuator(i).name for i in range(cup.nu)] == list(with_cup.joint_names)
    assert cup.neq == cup.ntendon == 0, "nothing is left of the gripper"


def test_an_arm_without_another_hand_is_its_mjcf(panda_config):
    own = mujoco.MjModel.from_xml_path(str(panda_config.mjcf_path))
    read = read_arm(panda_config, panda_config.mjcf_path).compile()
    for name in ("body_pos", "body_mass", "geom_size", "jnt_range", "actuator_gainprm"):
        np.testing.assert_array_equal(getattr(read, name), getattr(own, name))


def test_the_lip_is_where_the_fingertips_were(with_cup, kinematics):
    cup = Kinematics(with_cup, with_cup.mjcf_path)
    home = np.array(with_cup.home)
    np.testing.assert_allclose(cup.hand_position(home), kinematics.hand_position(home), atol=1e-12)


def test_a_body_or_a_file_that_is_not_there_is_named(with_cup):
    wrong = replace(with_cup, hand_replaces="claw")
    with pytest.raises(UserError, match=r"'claw', but panda.xml has no such body.*panda_hand"):
        read_arm(wrong, wrong.mjcf_path)
    with pytest.raises(UserError, match=r"no file .*claw\.xml"):
        read_arm(replace(with_cup, hand_mjcf="claw.xml"), with_cup.mjcf_path)
