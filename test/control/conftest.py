"""One Panda for all tests: compiling its model takes longer than any of them."""

from __future__ import annotations

import pytest

from wm_planner.assembly import build_arm
from wm_planner.control.arm import CartesianArm
from wm_planner.control.kinematics import Kinematics
from wm_planner.control.robot_config import RobotConfig
from wm_planner.paths import mjcf_dir, robot_config
from wm_planner.types import JointState


@pytest.fixture(scope="session")
def panda_config() -> RobotConfig:
    return RobotConfig.load(robot_config("panda"))


@pytest.fixture(scope="session")
def kinematics(panda_config: RobotConfig) -> Kinematics:
    return Kinematics(panda_config, mjcf_dir() / panda_config.mjcf)


@pytest.fixture(scope="session")
def panda() -> CartesianArm:
    return build_arm("panda")


@pytest.fixture
def arm(panda: CartesianArm) -> CartesianArm:
    """The Panda, at rest at home."""
    home = panda.home
    panda.reset(JointState(home, 0 * home, 0.0))
    return panda
