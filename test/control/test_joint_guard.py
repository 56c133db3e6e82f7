"""Which joint measurements are believed."""

import numpy as np
import pytest

from wm_planner.control.arm import InvalidInput
from wm_planner.control.joint_guard import JointGuard
from wm_planner.types import JointState


def state(positions, stamp):
    return JointState(np.array(positions, float), np.zeros(8), stamp)


@pytest.fixture
def home(panda):
    return panda.home


@pytest.fixture
def guard(panda, home):
    guard = JointGuard(panda.config)
    for stamp in (0.96, 0.98, 1.0):
        guard.check(state(home, stamp), None)
    return guard


def moved(home, joint, by):
    positions = home.copy()
    positions[joint] += by
    return positions


def test_motion_that_the_arm_can_make_is_believed(guard, home):
    for i in range(1, 20):
        guard.check(state(moved(home, 0, 0.04 * i), 1.0 + 0.02 * i), None)  # 2 rad/s


def test_a_jump_is_refused_and_named(guard, home):
    with pytest.raises(InvalidInput, match=r"panda_joint3 jumped by 0.500 in 0.020 s"):
        guard.check(state(moved(home, 2, 0.5), 1.02), None)


def test_a_jump_stays_refused_however_often_it_is_repeated(guard, home):
    for i in range(1, 100):
        with pytest.raises(InvalidInput):
            guard.check(state(moved(home, 2, 0.5), 1.0 + 0.02 * i), None)
    guard.check(state(home, 3.02), None)


def test_after_a_jump_a_state_at_the_command_is_believed(guard, home):
    """The arm braked meanwhile: it is no longer where it was seen last."""
    with pytest.raises(InvalidInput):
        guard.check(state(moved(home, 2, 0.9), 1.02), home)
    guard.check(state(moved(home, 1, 0.3), 1.04), moved(home, 1, 0.31))


def test_a_pause_does_not_make_every_jump_believable(guard, home):
    with pytest.raises(InvalidInput):
        guard.check(state(moved(home, 3, -1.0), 60.0), None)


def test_forgetting_accepts_any_pose_inside_the_limits(guard, home):
    guard.forget()
    guard.check(state(moved(home, 3, 1.0), 1.02), None)


@pytest.mark.parametrize(("joint", "value"), [(3, 0.2), (5, -0.4), (7, 0.2)])
def test_a_pose_outside_the_limits_is_refused(guard, home, joint, value):
    home[joint] = value
    with pytest.raises(InvalidInput, match="outside"):
        guard.check(state(home, 1.02), None)


def test_degrees_are_refused(guard, home):
    guard.forget()
    with pytest.raises(InvalidInput, match="units"):
        guard.check(state(np.r_[np.rad2deg(home[:-1]), home[-1]], 1.02), None)


def test_the_first_pose_is_believed_when_three_states_agree(panda, home):
    guard = JointGuard(panda.config)
    for i, positions in enumerate([moved(home, 2, 0.5), home, home]):
        guard.check(state(positions, 1.0 + 0.02 * i), None)
        assert not guard.sure
    guard.check(state(home, 1.06), None)
    assert guard.sure
    with pytest.raises(InvalidInput, match="jumped"):
        guard.check(state(moved(home, 2, 0.5), 1.08), None)
