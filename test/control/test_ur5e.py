"""The second arm is the published one, and moves as the first does."""

from __future__ import annotations

import numpy as np
import pytest
from ur5e_dh import tool_pose

from wm_planner.assembly import build_arm
from wm_planner.control.kinematics import Kinematics
from wm_planner.types import JointState


@pytest.fixture(scope="module")
def ur5e():
    return build_arm("ur5e")


def test_forward_kinematics_is_the_published_one(ur5e):
    kinematics = Kinematics(ur5e.config, ur5e.config.mjcf_path)
    rng = np.random.default_rng(0)
    for q in (np.zeros(6), ur5e.home[:-1], *rng.uniform(-3, 3, (5, 6))):
        assert kinematics.hand_position(q) == pytest.approx(tool_pose(q)[:3, 3], abs=1e-5)
        outwards = kinematics.hand_orientation(q).as_matrix()[:, 2]
        assert outwards == pytest.approx(tool_pose(q)[:3, 2], abs=1e-5)


def test_its_gripper_closes_upwards(ur5e):
    """The driver of a 2F-85 is at 0 rad when it is open, at 0.8 rad when it is closed."""
    home = ur5e.home
    assert home[-1] == 0.0
    state = JointState(home, 0 * home, 0.0)
    ur5e.reset(state)
    assert ur5e.proprioception(state)[6:8] == pytest.approx([1, 1])
    ur5e.to_command(np.array([0.0, 0.0, 0.0, -1.0]), state)
    closed = np.array([ur5e.advance() for _ in range(100)])[-1]
    assert closed[-1] == pytest.approx(0.8, abs=1e-6)
    told = ur5e.proprioception(JointState(closed, 0 * closed, 0.0))
    assert told[6:8] == pytest.approx([-1, -1])
    assert ur5e.config.finger.width(closed[-1]) == pytest.approx(0.0, abs=1e-9)
    assert ur5e.config.finger.width(0.0) == pytest.approx(0.085)
