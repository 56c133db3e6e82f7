"""The hand is where the published kinematics puts it, and inverse kinematics finds it again."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from panda_dh import hand_pose

from wm_planner.control.kinematics import Kinematics, Unreachable
from wm_planner.paths import mjcf_dir

JOINT_ANGLES = {
    "zero": np.zeros(7),
    "home": np.array([0.0, -0.3, 0.0, -2.35, 0.0, 2.05, 0.785]),
    "franka_ready": np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4]),
    "every_joint": np.array([0.4, 0.5, -0.6, -1.7, 0.8, 2.2, -1.1]),
    "other_side": np.array([-1.3, -0.9, 1.1, -0.5, -1.9, 0.7, 2.3]),
}
DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.mark.parametrize("name", JOINT_ANGLES)
def test_forward_kinematics_is_the_published_one(kinematics, name):
    q = JOINT_ANGLES[name]
    assert kinematics.hand_position(q) == pytest.approx(hand_pose(q)[:3, 3], abs=1e-6)


@pytest.mark.parametrize("name", JOINT_ANGLES)
def test_the_arm_in_the_scene_has_the_published_orientation_too(panda_config, name):
    model = mujoco.MjModel.from_xml_path(str(mjcf_dir() / panda_config.mjcf))
    data = mujoco.MjData(model)
    data.qpos[:7] = JOINT_ANGLES[name]
    mujoco.mj_kinematics(model, data)
    turned = data.site(panda_config.hand_site).xmat.reshape(3, 3)
    assert turned == pytest.approx(hand_pose(JOINT_ANGLES[name])[:3, :3], abs=1e-6)


def test_at_home_the_hand_points_straight_down_inside_the_workspace(kinematics, panda_config):
    pose = hand_pose(np.array(panda_config.home))
    assert pose[:3, :3] == pytest.approx(DOWN, abs=1e-3)
    assert (pose[:3, 3] > panda_config.workspace_lower).all()
    assert (pose[:3, 3] < panda_config.workspace_upper).all()


def test_inverse_kinematics_follows_goals_all_over_the_workspace(kinematics, panda_config):
    """In steps of at most goal_reach, as the arm asks for them."""
    lower, upper = np.array(panda_config.workspace_lower), np.array(panda_config.workspace_upper)
    rng = np.random.default_rng(0)
    q = np.array(panda_config.home)
    here = kinematics.hand_position(q)
    for corner in rng.uniform(lower, upper, (12, 3)):
        steps = int(np.ceil(np.linalg.norm(corner - here) / panda_config.goal_reach))
        for goal in np.linspace(here, corner, steps + 1)[1:]:
            q = kinematics.solve(q, goal)
            pose = hand_pose(q)
            assert np.linalg.norm(pose[:3, 3] - goal) < 0.01
            assert pose[2, 2] < np.cos(np.pi - np.deg2rad(5)), f"hand tilted at {goal}"
            margin = panda_config.position_margin - 1e-6
            assert (q >= np.array(panda_config.lower) + margin).all()
            assert (q <= np.array(panda_config.upper) - margin).all()
        here = corner


@pytest.mark.parametrize("joint", [0, 1, 3, 5])
def test_a_solution_keeps_the_margin_at_a_limit_that_is_in_the_way(panda_config, joint):
    """The joint may turn by 0.2 rad, 0.05 of them margin; the hand is pulled past that."""
    home = np.array(panda_config.home)
    lower, upper = list(panda_config.lower), list(panda_config.upper)
    lower[joint], upper[joint] = home[joint] - 0.2, home[joint] + 0.2
    config = replace(panda_config, lower=tuple(lower), upper=tuple(upper))
    kinematics = Kinematics(config, mjcf_dir() / config.mjcf)
    reached = 0.0
    for direction in np.vstack([np.eye(3), -np.eye(3)]):
        q, goal = home, kinematics.hand_position(home)
        for _ in range(12):
            goal = goal + 0.02 * direction
            try:
                q = kinematics.solve(q, goal)
            except Unreachable:
                break
            reached = max(reached, np.abs(q - home)[joint])
    assert 0.1 < reached <= 0.15 + 1e-6


@pytest.mark.parametrize("goal", [(1.5, 0.0, 0.3), (0.0, 0.0, 2.0), (np.nan, 0.0, 0.3)])
def test_a_goal_out_of_reach_is_not_approximated(kinematics, panda_config, goal):
    with pytest.raises(Unreachable):
        kinematics.solve(np.array(panda_config.home), np.array(goal))


def test_forward_kinematics_does_not_depend_on_what_was_asked_before(kinematics):
    first = kinematics.hand_position(JOINT_ANGLES["every_joint"])
    kinematics.hand_position(JOINT_ANGLES["other_side"])
    assert (kinematics.hand_position(JOINT_ANGLES["every_joint"]) == first).all()
