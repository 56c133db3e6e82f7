"""Actions move the hand the right way; whatever is wrong with one holds the arm or drops it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from panda_dh import hand_pose

from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.paths import mjcf_dir
from wm_planner.types import JointState

STILL = np.array([0.0, 0.0, 0.0, 1.0])


def measured(arm, offset=0.0) -> JointState:
    positions = arm.home + offset
    return JointState(positions, np.zeros_like(positions), 0.0)


def follow(arm, action, times: int) -> np.ndarray:
    """Command `action` at 10 Hz to an arm that follows exactly; waypoints (T, J)."""
    waypoints = [arm.home]
    for _ in range(times):
        arm.to_command(np.array(action), JointState(waypoints[-1], 0 * waypoints[-1], 0.0))
        waypoints += [arm.advance() for _ in range(arm.config.waypoints_per_action)]
    return np.array(waypoints)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1, 1])
def test_an_action_moves_the_hand_along_its_axis(arm, kinematics, axis, sign):
    action = np.array([0.0, 0.0, 0.0, 1.0])
    action[axis] = sign * 0.5
    start = kinematics.hand_position(arm.home[:-1])
    arm.to_command(action, measured(arm))
    positions = np.array([arm.advance() for _ in range(100)])
    moved = kinematics.hand_position(positions[-1, :-1]) - start
    expected = np.zeros(3)
    expected[axis] = sign * 0.5 * arm.config.action_step
    assert moved == pytest.approx(expected, abs=1e-3)


def test_the_gripper_opens_and_closes_all_the_way(arm):
    closed, opened = arm.config.finger_range
    assert follow(arm, [0, 0, 0, -1], 10)[-1, -1] == pytest.approx(closed, abs=1e-6)
    assert follow(arm, [0, 0, 0, 1], 10)[-1, -1] == pytest.approx(opened, abs=1e-6)


def test_the_goal_stays_near_a_hand_that_cannot_follow(arm, kinematics):
    """A blocked arm: otherwise the goal would wind up and the arm would leap when freed."""
    for _ in range(20):
        arm.to_command(np.array([1.0, 0.0, 0.0, 1.0]), measured(arm))
    ahead = arm.goal - kinematics.hand_position(arm.home[:-1])
    assert np.linalg.norm(ahead) <= arm.config.goal_reach + 1e-9


def test_the_first_command_starts_softly_from_the_measured_pose(arm):
    """Also when that is not where the arm was told to go before."""
    follow(arm, [1, 1, 1, -1], 5)
    state = measured(arm, offset=np.array([0.2, -0.1, 0.1, 0.1, -0.2, 0.1, 0.3, -0.02]))
    arm.reset(state)
    command = arm.to_command(np.array([1.0, -1.0, 1.0, -1.0]), state)
    acceleration = arm.config.acceleration_scale * np.array(arm.config.acceleration)
    step = 0.5 * acceleration * command.dt**2
    assert (np.abs(command.positions[0] - state.positions)[:-1] <= step).all()


@pytest.mark.parametrize("joint", range(7))
def test_from_within_the_margin_the_arm_starts_softly_and_moves_out_of_it(panda_config, joint):
    lower = list(panda_config.lower)
    lower[joint] = panda_config.home[joint] - 0.02  # so the rest pose is inside the margin of 0.05
    arm = CartesianArm(replace(panda_config, lower=tuple(lower)), mjcf_dir() / panda_config.mjcf)
    command = arm.to_command(STILL, measured(arm))
    step = 0.5 * panda_config.acceleration_scale * panda_config.acceleration[joint] * command.dt**2
    assert np.abs(command.positions[0, joint] - arm.home[joint]) <= step
    assert command.positions[-1, joint] >= lower[joint] + panda_config.position_margin - 1e-6


def test_a_hand_outside_the_workspace_comes_back_in_small_steps(arm, kinematics):
    positions = arm.home
    positions[0] = 1.2  # the hand is far to the left of the box
    arm.reset(JointState(positions, 0 * positions, 0.0))
    start = kinematics.hand_position(positions[:-1])
    arm.to_command(STILL, JointState(positions, 0 * positions, 0.0))
    assert np.linalg.norm(arm.goal - start) <= arm.config.goal_reach + 1e-6


def test_hold_ends_at_rest_soon_and_near(arm):
    moving = follow(arm, [1, 0.5, 0.5, 1], 3)
    command = arm.hold()
    assert command.velocities[-1] == pytest.approx(0, abs=1e-6)
    assert len(command.positions) * command.dt < 0.5
    assert np.abs(command.positions[-1] - moving[-1]).max() < 0.2
    after = [arm.advance() for _ in range(len(command.positions) + 10)]
    assert (after[-1] == after[-10]).all()


def test_a_hold_at_rest_stays_where_it_is(arm):
    assert arm.hold().positions == pytest.approx(np.tile(arm.home, (1, 1)), abs=1e-6)


def test_a_hold_does_not_open_a_gripper_that_holds_something(arm):
    follow(arm, [0, 0, 0, -1], 2)
    assert arm.hold().positions[-1, -1] == pytest.approx(arm.config.finger_range[0], abs=1e-6)


@pytest.mark.parametrize("gripper", [-1.0, 1.0])
def test_an_unreachable_goal_becomes_a_hold(panda_config, gripper):
    """The box of a table for longer arms: the goal is inside, the arm cannot reach it."""
    config = replace(panda_config, workspace_upper=(2.0, 0.3, 0.4))
    arm = CartesianArm(config, mjcf_dir() / config.mjcf)
    follow(arm, [1.0, 0.0, 0.0, -gripper], 25)
    waypoints = np.array([arm.advance() for _ in range(50)])
    state = JointState(waypoints[-1], 0 * waypoints[-1], 0.0)
    for _ in range(10):
        arm.to_command(np.array([1.0, 0.0, 0.0, gripper]), state)
        waypoints = np.vstack([waypoints, [arm.advance() for _ in range(5)]])
    assert waypoints[-1, :-1] == pytest.approx(waypoints[49, :-1], abs=2e-3), "the arm still moves"
    proprioception = arm.proprioception(JointState(waypoints[-1], 0 * waypoints[-1], 0.0))
    assert proprioception[6] == pytest.approx(gripper, abs=1e-3), "finger"
    assert proprioception[7] == gripper, "what the finger was told"


def test_a_motion_that_cannot_be_shaped_becomes_a_hold(panda_config):
    """Here because it would take minutes."""
    config = replace(panda_config, velocity_scale=1e-3)
    arm = CartesianArm(config, mjcf_dir() / config.mjcf)
    command = arm.to_command(np.array([1.0, 0.0, 0.0, 1.0]), measured(arm))
    assert command.positions == pytest.approx(np.tile(arm.home, (1, 1)), abs=1e-6)
    assert arm.goal == pytest.approx(hand_pose(arm.home[:7])[:3, 3], abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("index", range(4))
def test_an_action_that_is_not_finite_changes_nothing(arm, value, index):
    action = STILL.copy()
    action[index] = value
    _refuses(arm, action, measured(arm), "finite")


@pytest.mark.parametrize("size", [0, 3, 5])
def test_an_action_of_the_wrong_size_changes_nothing(arm, size):
    _refuses(arm, np.zeros(size), measured(arm), "4 finite numbers")


@pytest.mark.parametrize("part", ["positions", "velocities"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_joint_that_is_not_finite_is_named_and_changes_nothing(arm, part, value):
    state = measured(arm)
    getattr(state, part)[3] = value
    _refuses(arm, STILL, state, rf"{part}.*panda_joint4")


@pytest.mark.parametrize("part", ["positions", "velocities"])
@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_joint_state_of_the_wrong_size_changes_nothing(arm, part, size):
    state = measured(arm)._replace(**{part: np.zeros(size)})
    _refuses(arm, STILL, state, rf"{part} have shape \({size},\), expected \(8,\)")


def _refuses(arm, action, state, message: str) -> None:
    """InvalidInput, and the arm goes on exactly as if it had never been asked."""
    twins = []
    for asked in (False, True):
        arm.reset(measured(arm))
        arm.to_command(np.array([0.7, -0.6, 0.5, -1.0]), measured(arm))
        waypoints = [arm.advance(), arm.advance()]
        if asked:
            with pytest.raises(InvalidInput, match=message):
                arm.to_command(action, state)
        goal, proprioception = arm.goal, arm.proprioception(measured(arm))
        waypoints += [arm.advance() for _ in range(10)]
        later = arm.to_command(STILL, measured(arm)).positions
        twins.append((goal, proprioception, np.array(waypoints), later))
    for untouched, touched in zip(*twins, strict=True):
        assert np.array_equal(untouched, touched)


@pytest.mark.parametrize("part", ["positions", "velocities"])
def test_reset_and_proprioception_refuse_bad_joint_states_too(arm, part):
    state = measured(arm)
    getattr(state, part)[7] = np.nan
    with pytest.raises(InvalidInput, match="panda_finger_joint1"):
        arm.reset(state)
    with pytest.raises(InvalidInput, match="panda_finger_joint1"):
        arm.proprioception(state)


def test_proprioception_says_where_the_hand_goal_and_finger_are(arm, kinematics):
    lower, upper = np.array(arm.config.workspace_lower), np.array(arm.config.workspace_upper)
    hand = kinematics.hand_position(arm.home[:-1])
    arm.to_command(np.array([0.5, 0.0, 0.0, -1.0]), measured(arm))
    told = arm.proprioception(measured(arm))
    assert told.dtype == np.float32
    assert lower + (told[:3] + 1) / 2 * (upper - lower) == pytest.approx(hand, abs=1e-6)
    assert told[3:6] * arm.config.goal_reach == pytest.approx([0.02, 0, 0], abs=1e-6)
    assert told[6:] == pytest.approx([1.0, -1.0])  # the finger is open and told to close
