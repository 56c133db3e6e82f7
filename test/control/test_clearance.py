"""Commands do not bring the arm into itself or the table, and lead out of where it is too near."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from wm_planner.assembly import build_arm
from wm_planner.control.arm import CartesianArm
from wm_planner.control.clearance import Clearance
from wm_planner.types import JointState

ENOUGH = 0.02  # m


@pytest.fixture(scope="module")
def ur5e():
    """One that its workspace does not keep from anything: it goes below the table and behind."""
    config = replace(
        build_arm("ur5e").config,
        workspace_lower=(-0.5, -0.6, -0.4),
        workspace_upper=(0.8, 0.6, 0.8),
        clearance=ENOUGH,
    )
    return CartesianArm(config, config.mjcf_path)


@pytest.fixture(scope="module")
def alone(ur5e):
    """The arm's model, to measure with."""
    model = mujoco.MjModel.from_xml_path(str(ur5e.config.mjcf_path))
    return model, mujoco.MjData(model)


def drive(arm, action, times: int, start: np.ndarray | None = None) -> np.ndarray:
    """Waypoints (T, J) of an arm that follows exactly."""
    waypoints = [arm.home if start is None else start]
    arm.reset(JointState(waypoints[0], 0 * waypoints[0], 0.0))
    for _ in range(times):
        arm.to_command(np.array(action), JointState(waypoints[-1], 0 * waypoints[-1], 0.0))
        waypoints += [arm.advance() for _ in range(arm.config.waypoints_per_action)]
    return np.array(waypoints)


def lowest(alone, arm, waypoints: np.ndarray) -> float:
    """Height of the lowest point of the hand's cylinder and the pads, m."""
    model, data = alone
    least = np.inf
    for q in waypoints:
        data.qpos[:6] = q[:6]
        mujoco.mj_kinematics(model, data)
        for name in ("left_pad", "right_pad"):
            geom = int(model.body(name).geomadr[0])
            down = np.abs(data.geom_xmat[geom].reshape(3, 3)[2]) @ model.geom_size[geom]
            least = min(least, data.geom_xpos[geom][2] - down)
    return float(least)


def test_a_hand_that_is_sent_through_the_table_stays_above_it(ur5e, alone):
    waypoints = drive(ur5e, [0.0, 0.0, -1.0, 1.0], 25)
    assert ENOUGH - 1.5e-3 < lowest(alone, ur5e, waypoints) < ENOUGH + 0.03
    assert ur5e.clamps["clearance"] > 0


def test_without_it_the_same_commands_go_through_the_table(ur5e, alone):
    blind = replace(ur5e.config, clearance=0.0)
    waypoints = drive(CartesianArm(blind, blind.mjcf_path), [0.0, 0.0, -1.0, 1.0], 25)
    assert lowest(alone, ur5e, waypoints) < 0


@pytest.mark.parametrize("away", [-1.0, 1.0])
def test_a_hand_that_is_sent_into_its_own_base_does_not_come_near(ur5e, away):
    """Back to the base, low: measured between the hand's parts and those of base and shoulder."""
    low = drive(ur5e, [0.0, 0.0, -0.6, 1.0], 4)[-1]
    waypoints = drive(ur5e, [-1.0, 0.15 * away, 0.0, 1.0], 30, low)
    looking = Clearance(ur5e.config, ur5e.config.mjcf_path, least=0.5)
    least = min(looking.nearest(q)[2] for q in waypoints[::3])
    assert least > ENOUGH - 1.5e-3


def test_an_arm_that_is_too_near_gets_away(ur5e, alone):
    """Put there by hand: nothing that leads nearer is done, all that leads away is."""
    near = drive(ur5e, [0.0, 0.0, -1.0, 1.0], 25)[-1]
    closer = replace(ur5e.config, clearance=ENOUGH + 0.02)
    arm = CartesianArm(closer, closer.mjcf_path)
    start = lowest(alone, arm, near[None])
    down = drive(arm, [0.0, 0.0, -1.0, 1.0], 5, near)
    assert lowest(alone, arm, down) > start - 2e-3
    up = drive(arm, [0.0, 0.0, 1.0, 1.0], 5, near)
    assert lowest(alone, arm, up[-1:]) > start + 0.05


def test_braking_does_not_lead_where_commands_may_not(ur5e, alone):
    waypoints = [ur5e.home]
    ur5e.reset(JointState(waypoints[0], 0 * waypoints[0], 0.0))
    for step in range(30):
        state = JointState(waypoints[-1], 0 * waypoints[-1], 0.0)
        ur5e.hold() if step % 4 == 3 else ur5e.to_command(np.array([0.3, 0, -1, 1.0]), state)
        waypoints += [ur5e.advance() for _ in range(4)]
    assert lowest(alone, ur5e, np.array(waypoints)) > ENOUGH - 1.5e-3


def test_links_that_follow_each_other_do_not_count(ur5e):
    looking = Clearance(ur5e.config, ur5e.config.mjcf_path, least=0.5)
    one, other, distance = looking.nearest(np.r_[ur5e.home])
    assert distance > 0
    assert {one, other} != {"upper_arm_link", "forearm_link"}
    assert looking.least(ur5e.home[None]) == pytest.approx(distance, abs=1e-6)


def test_near_a_singularity_goals_slow_down(ur5e):
    """The arm stretched out: the farther, the less of a step is gone; nothing leaps."""
    waypoints = drive(ur5e, [1.0, 0.0, 0.0, 1.0], 30)
    assert ur5e.clamps["singularity"] > 0
    kinematics = ur5e._kinematics
    dexterity = [kinematics.dexterity(q[:-1]) for q in waypoints[::5]]
    assert min(dexterity) > 0.2 * ur5e.config.slow_near_singularity
    assert np.abs(np.diff(waypoints, axis=0)).max() * 50 <= 3.1416 * 0.7 * (1 + 1e-3)
