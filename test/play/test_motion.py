"""The action behind a motion: what was read back is what the arm was told."""

import numpy as np
import pytest

from wm_planner.assembly import build_arm
from wm_planner.paths import mjcf_dir
from wm_planner.play.motion import ActionReader
from wm_planner.types import JointState


@pytest.fixture(scope="module")
def arm():
    return build_arm("panda")


@pytest.fixture
def reader(arm):
    arm.reset(JointState(arm.home, np.zeros(8), 0.0))
    return ActionReader(arm.config, mjcf_dir() / arm.config.mjcf)


def drive(arm, action):
    """A command for `action`, and where the joints are after it was executed for a step."""
    command = arm.to_command(np.array(action), JointState(arm.home, np.zeros(8), 0.0))
    for _ in range(arm.config.waypoints_per_action):
        positions = arm.advance()
    return command, positions


def test_standing_still_is_no_action(reader, arm):
    np.testing.assert_allclose(reader.read(arm.home), [0, 0, 0, 1], atol=1e-9)


@pytest.mark.parametrize("action", [(0.5, 0, 0, 1), (0, -0.6, 0.3, 1), (0.3, 0.3, -0.3, -1)])
def test_the_end_of_a_trajectory_gives_the_action(reader, arm, action):
    command, _ = drive(arm, action)
    np.testing.assert_allclose(reader.read(command.positions[-1]), action, atol=0.05)


def test_waypoints_give_the_same_way_in_the_end(reader, arm):
    actions = [(0.4, 0.2, -0.1, 1.0)] * 3 + [(0.0, 0.0, 0.0, -1.0)] * 3
    read = np.array([reader.read(drive(arm, action)[1]) for action in actions])
    np.testing.assert_allclose(read[:, :3].sum(0), np.sum(actions, 0)[:3], atol=0.1)
    assert read[0, 3] == 1 and read[-1, 3] == -1


def test_more_than_an_action_can_do_is_made_up_for_later(reader, arm):
    far = arm._kinematics.solve(arm.home[:-1], arm.goal + np.array([0.0, 0.09, 0.0]))
    read = [reader.read(np.r_[far, 0.04])[1] for _ in range(4)]
    np.testing.assert_allclose(read, [1.0, 1.0, 0.25, 0.0], atol=0.1)


def test_it_starts_from_any_pose(reader, arm):
    positions = arm.home.copy()
    positions[1] += 0.1
    positions[-1] = 0.0
    reader.reset(positions)
    np.testing.assert_allclose(reader.read(positions), [0, 0, 0, -1], atol=1e-9)


def test_turns_are_read_back_too():
    turning = build_arm("ur5e_yaw")
    turning.reset(JointState(turning.home, 0 * turning.home, 0.0))
    reader = ActionReader(turning.config, turning.config.mjcf_path)
    command = turning.to_command(
        np.array([0.2, 0.0, 0.0, -0.6, -1.0]), JointState(turning.home, 0 * turning.home, 0.0)
    )
    read = reader.read(command.positions[-1])
    np.testing.assert_allclose(read, [0.2, 0.0, 0.0, -0.6, -1.0], atol=0.05)
