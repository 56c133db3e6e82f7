"""No chain of commands, however it came about, leaves the limits of the arm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from panda_dh import hand_pose
from ur5e_dh import tool_pose

from wm_planner.assembly import build_arm
from wm_planner.control.arm import CartesianArm
from wm_planner.control.clearance import Clearance
from wm_planner.paths import mjcf_dir
from wm_planner.types import JointState

ARMS = st.sampled_from(["panda", "panda", "narrow", "turning", "ur5e"])
NEARER = 2e-3  # m between two waypoints that are looked at
SLACK = 1e-3  # relative; Ruckig rounds to a billionth of a radian
BOX_SLACK = 0.02 + 1e-3  # m the hand may leave the workspace on a curved path


@pytest.fixture(scope="module")
def arms(panda) -> dict[str, CartesianArm]:
    """The Panda; with position limits close around home, so that they matter; and turning freely.

    And a UR5e, which looks for collisions and singularities.
    """
    home = np.array(panda.config.home)
    narrow = replace(panda.config, lower=tuple(home - 0.35), upper=tuple(home + 0.35))
    turning = replace(panda.config, rotation="full")
    return {
        "panda": panda,
        "narrow": CartesianArm(narrow, mjcf_dir() / narrow.mjcf),
        "turning": CartesianArm(turning, mjcf_dir() / turning.mjcf),
        "ur5e": build_arm("ur5e"),
    }


@pytest.fixture(scope="module")
def ur5e_parts() -> Clearance:
    config = build_arm("ur5e").config
    return Clearance(config, config.mjcf_path)


@dataclass(frozen=True)
class Order:
    """What one control step brings, however odd."""

    action: tuple[float, ...] | None  # None is a hold, or giving way
    repeats: int
    waypoints: int  # executed before the next command: late, early or not at all
    lag: float  # of the measured joints behind the commanded ones, share of the way from home
    error: float  # of the joint encoders, rad
    speed_scale: float = 1.0
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)  # for arms whose actions turn the hand


ACTIONS = st.tuples(
    *[st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-3, 3, allow_subnormal=False))] * 4
)
ORDERS = st.lists(
    st.builds(
        Order,
        action=st.one_of(ACTIONS, ACTIONS, ACTIONS, st.none()),
        repeats=st.integers(1, 8),
        waypoints=st.integers(0, 9),
        lag=st.sampled_from([0.0, 0.0, 0.2, 1.0]),
        error=st.floats(-0.05, 0.05, allow_subnormal=False),
        speed_scale=st.sampled_from([1.0, 1.0, 0.5, 0.05]),
        turn=st.tuples(*[st.sampled_from([-1.0, 0.0, 0.3, 1.0])] * 3),
    ),
    min_size=1,
    max_size=8,
)
STARTS = st.tuples(*[st.floats(-0.25, 0.25, allow_subnormal=False)] * 7)


# Both left the workspace once: by a curved path, and by braking on another path.
CURVED = (
    (0.0, -0.22, -0.03, -0.06, 0.0, -0.12, -0.2),
    [Order((1, 0, 0, 0), 4, 7, 0.2, 0.02), Order((-1, -1, 1.5, -2), 3, 6, 1.0, -0.02)],
)
BRAKED = (
    (0.14, 0.18, -0.04, -0.17, 0.01, 0.09, 0.02),
    [Order((-1, 1, -3, 1), 8, 5, 0.0, 0.03), Order((-1, -1, -1.7, 0), 5, 5, 1.0, -0.05)],
)


# Left the limits of a joint once: it braked together with slower joints, and so too late.
WAITED = (
    (0.25, -0.25, 0.0, -0.25, 0.0, 0.0, 0.0),
    [
        Order((1, 1, 1, -1), 2, 5, 0.0, 0.0),
        Order((-1, -1, -1, -1), 2, 3, 0.0, 0.0),
        Order(None, 4, 0, 0.0, 0.0),
        Order((-1, 1, 0, -1), 2, 6, 0.0, 0.0),
        Order((-1, -1, -1, -1), 2, 1, 0.0, -0.03125),
    ],
)


@given(arm=ARMS, start=STARTS, orders=ORDERS)
@example("narrow", *WAITED)
@example("panda", *CURVED)
@example("panda", *BRAKED)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_orders_make_the_arm_leave_its_limits(arms, ur5e_parts, arm, start, orders):
    stays_inside(arms[arm], start, orders, ur5e_parts if arm == "ur5e" else None)


@pytest.mark.slow
@given(arm=ARMS, start=STARTS, orders=ORDERS)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_orders_do_not_make_the_arm_leave_its_limits(
    arms, ur5e_parts, arm, start, orders
):
    stays_inside(arms[arm], start, orders, ur5e_parts if arm == "ur5e" else None)


def stays_inside(
    arm: CartesianArm, start: tuple[float, ...], orders: list[Order], parts: Clearance | None
) -> None:
    home = arm.home
    home[:-1] += start[: len(home) - 1]
    arm.reset(JointState(home, 0 * home, 0.0))
    started_inside = outside(arm, home[None]) <= 0
    executed = [home]
    for order in orders:
        for _ in range(order.repeats):
            plan = command(arm, order, executed[-1], home)
            assert plan.joint_names == arm.joint_names
            assert np.abs(plan.velocities[-1]).max() < 1e-6, "a command must end at rest"
            check_limits(arm, np.vstack([executed[-3:], plan.positions]), started_inside)
            executed += [arm.advance() for _ in range(order.waypoints)]
    check_limits(arm, np.array(executed), started_inside)
    if parts is not None:
        enough = parts.least(np.array([home]))
        assert parts.least(np.array(executed)) > enough - NEARER, "collision"


def command(arm: CartesianArm, order: Order, commanded: np.ndarray, home: np.ndarray):
    arm.speed_scale = order.speed_scale
    positions = commanded + order.lag * (home - commanded) + order.error
    if order.action is None and order.lag == 1.0:
        return arm.give_way(JointState(positions, 0 * positions, 0.0))
    if order.action is None:
        return arm.hold()
    *move, gripper = order.action
    action = np.array([*move, *order.turn[: arm.action_size - 4], gripper])
    return arm.to_command(action, JointState(positions, 0 * positions, 0.0))


def check_limits(arm: CartesianArm, positions: np.ndarray, in_box: bool) -> None:
    """Each finite difference is an average of the derivative, so the limit binds it as well."""
    c = arm.config
    lower = np.r_[np.array(c.lower) + c.position_margin, min(c.finger_range)]
    upper = np.r_[np.array(c.upper) - c.position_margin, max(c.finger_range)]
    assert (positions >= lower - 1e-6).all(), "lower position limit"
    assert (positions <= upper + 1e-6).all(), "upper position limit"
    limits = {
        "velocity": np.r_[np.array(c.velocity) * c.velocity_scale, c.finger_velocity],
        "acceleration": np.r_[
            np.array(c.acceleration) * c.acceleration_scale, c.finger_acceleration
        ],
        "jerk": np.r_[np.array(c.jerk) * c.jerk_scale, c.finger_jerk],
    }
    for order, (name, limit) in enumerate(limits.items(), start=1):
        difference = np.abs(np.diff(positions, order, axis=0)) * c.command_rate_hz**order
        assert (difference <= limit * (1 + SLACK)).all(), f"{name}: {difference.max(0)} > {limit}"
    if in_box:
        assert outside(arm, positions) <= BOX_SLACK, "workspace"


def outside(arm: CartesianArm, positions: np.ndarray) -> float:
    """How far the hand is from the workspace at worst, m."""
    pose = hand_pose if len(arm.config.arm_joints) == 7 else tool_pose
    hands = np.array([pose(q[:-1])[:3, 3] for q in positions])
    lower, upper = np.array(arm.config.workspace_lower), np.array(arm.config.workspace_upper)
    return float(np.maximum(lower - hands, hands - upper).max())
