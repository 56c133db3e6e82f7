"""Actions turn the hand as the robot's file says, without a jump, and never too far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mink import SO3
from panda_dh import hand_pose

from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.control.rotation import rotation_vector
from wm_planner.errors import UserError
from wm_planner.paths import mjcf_dir
from wm_planner.types import ActionSpace, JointState

DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module", params=["yaw", "full"])
def turning(request, panda_config):
    config = replace(panda_config, rotation=request.param, rotation_range=1.2)
    return CartesianArm(config, mjcf_dir() / config.mjcf)


@pytest.fixture(autouse=True)
def at_rest(turning):
    turning.reset(JointState(turning.home, 0 * turning.home, 0.0))


def turn(arm, about: int, size: float) -> np.ndarray:
    """An action that only turns, about an axis of the base that its actions have."""
    rotation = np.zeros(3)
    rotation[about] = size
    return np.r_[np.zeros(3), rotation[3 - (arm.action_size - 4) :], 1.0]


def axes_of(arm) -> list[int]:
    return [2] if arm.action_size == 5 else [0, 1, 2]


def follow(arm, action: np.ndarray, times: int) -> np.ndarray:
    """Waypoints (T, J) of an arm that follows exactly, and then comes to rest."""
    waypoints = [arm.commanded]
    for i in range(times + 15):
        given = action if i < times else np.r_[np.zeros(arm.action_size - 1), 1.0]
        arm.to_command(given, JointState(waypoints[-1], 0 * waypoints[-1], 0.0))
        waypoints += [arm.advance() for _ in range(arm.config.waypoints_per_action)]
    return np.array(waypoints)


def turned_by(q: np.ndarray) -> np.ndarray:
    """Rotation vector (3,) of the hand from pointing straight down, rad, by the published table."""
    return SO3.from_matrix(hand_pose(q[:7])[:3, :3] @ DOWN.T).log()


def test_actions_and_proprioception_have_room_for_the_turn(turning, panda):
    wide = {"yaw": (5, 11), "full": (7, 17)}[turning.config.rotation]
    assert (turning.action_size, turning.proprio_size) == wide
    assert turning.action_space == ActionSpace(wide[0], (wide[0] - 1,))
    told = turning.proprioception(JointState(turning.home, 0 * turning.home, 0.0))
    assert told.shape == (wide[1],)
    assert (panda.action_size, panda.proprio_size) == (4, 8)
    assert panda.action_space == ActionSpace(4, (3,))


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_action_turns_the_hand_about_its_axis_and_leaves_it_where_it_is(turning, sign):
    for axis in axes_of(turning):
        turning.reset(JointState(turning.home, 0 * turning.home, 0.0))
        start, goal = turned_by(turning.home), turning.goal
        end = follow(turning, turn(turning, axis, 0.5 * sign), 1)[-1]
        expected = np.zeros(3)
        expected[axis] = sign * 0.5 * turning.config.rotation_step
        assert turned_by(end) - start == pytest.approx(expected, abs=0.02)
        assert hand_pose(end[:7])[:3, 3] == pytest.approx(goal, abs=5e-3)


def test_the_hand_is_not_turned_farther_than_it_may(turning):
    for axis in axes_of(turning):
        turning.reset(JointState(turning.home, 0 * turning.home, 0.0))
        waypoints = follow(turning, turn(turning, axis, 1.0), 20)
        angles = [np.linalg.norm(turned_by(q)) for q in waypoints]
        assert max(angles) < turning.config.rotation_range + 0.1


def test_the_goal_is_not_turned_far_ahead_of_a_hand_that_cannot_follow(turning):
    state = JointState(turning.home, 0 * turning.home, 0.0)
    for _ in range(10):
        turning.to_command(turn(turning, 2, 1.0), state)
    ahead = turning.proprioception(state)[-1] * turning.config.rotation_reach
    assert 0.1 < ahead <= turning.config.rotation_reach + 1e-6


def test_the_quaternion_never_changes_its_sign(turning):
    """All the way round and back: two quaternions are the same orientation."""
    quaternions = []
    for size in (1.0, -1.0, 1.0):
        for _ in range(12):
            q = turning.commanded
            turning.to_command(turn(turning, 2, size), JointState(q, 0 * q, 0.0))
            for _ in range(turning.config.waypoints_per_action):
                turning.advance()
            quaternions.append(turning.goal_orientation)
    steps = np.linalg.norm(np.diff(quaternions, axis=0), axis=1)
    assert steps.max() < 0.2
    assert np.linalg.norm(quaternions, axis=1) == pytest.approx(1.0)


def test_proprioception_has_no_jump_while_the_hand_turns(turning):
    told = []
    for size in (1.0, -1.0):
        for q in follow(turning, turn(turning, 2, size), 8)[::5]:
            told.append(turning.proprioception(JointState(q, 0 * q, 0.0)))
    steps = np.abs(np.diff([t[8:-1] for t in told], axis=0))
    assert steps.max() < 0.4


def test_the_expert_turns_to_a_yaw(turning):
    for _ in range(15):
        q = turning.commanded
        action = np.r_[np.zeros(3), turning.turn_towards(0.8), 1.0]
        turning.to_command(action, JointState(q, 0 * q, 0.0))
        for _ in range(turning.config.waypoints_per_action):
            turning.advance()
    assert turned_by(turning.commanded)[2] == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.5, 3.1, np.pi])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_rotation_vector_is_right_up_to_half_a_turn(angle, sign):
    vector = np.array([0.6, -0.8, 0.0]) * angle
    turn = SO3(wxyz=sign * SO3.exp(vector).wxyz)
    found = rotation_vector(turn)
    assert np.linalg.norm(found) == pytest.approx(angle, abs=1e-7)
    assert SO3.exp(found).as_matrix() == pytest.approx(turn.as_matrix(), abs=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_turn_that_is_not_finite_changes_nothing(turning, value):
    state = JointState(turning.home, 0 * turning.home, 0.0)
    before = turning.goal_orientation
    with pytest.raises(InvalidInput, match="finite"):
        turning.to_command(turn(turning, 2, value), state)
    assert np.array_equal(turning.goal_orientation, before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotation": "roll"}, "rotation is 'roll', expected none or yaw or full"),
        ({"rotation_range": 4.0}, "rotation_range is 4.0, at most 3.1"),
        ({"rotation_step": 0.0}, "rotation_step is 0.0, expected above 0"),
        ({"finger_unit": "inch"}, "finger_unit is 'inch'"),
        ({"clearance": -0.1}, "clearance is -0.1"),
        ({"finger_bodies": ("one",)}, "expected names of two bodies"),
        ({"wrist_camera": (0.0, 0.0)}, "wrist_camera has 2 values, expected 5"),
        ({"wrist_camera": (0.0, 0.0, 0.0, 0.0, 200.0)}, "200.0 degrees"),
    ],
)
def test_what_no_robot_has_is_refused(panda_config, changes, message):
    with pytest.raises(UserError, match=message):
        replace(panda_config, **changes)
