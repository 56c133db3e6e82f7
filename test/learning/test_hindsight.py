"""Keyframes: where the hand will be when it closes or opens for good, or turns with neither."""

import numpy as np
import pytest

from wm_planner.learning.hindsight import keyframe_offsets, motion_of


def episode(switch, success=True):
    """One number of proprioception that counts the steps; the switch as given."""
    proprio = np.arange(len(switch), dtype=np.float32)[:, None]
    actions = np.zeros((len(switch), 2), np.float32)
    actions[:, 1] = switch
    return keyframe_offsets(proprio, actions, (1,), success)[:, 0] / 4


def test_the_next_keyframe_is_where_the_switch_is_thrown_and_then_the_end():
    offsets = episode([1] * 5 + [-1] * 15)
    assert offsets[:6].tolist() == [5, 4, 3, 2, 1, 0]
    assert offsets[6:].tolist() == [19 - t for t in range(6, 20)]


def test_a_slip_is_no_keyframe():
    offsets = episode([1] * 3 + [-1] * 4 + [1] * 12 + [-1] * 11)
    assert offsets[0] == 7, "it opened, and stayed open for a second"
    assert offsets[8] == 19 - 8
    assert offsets[20] == 29 - 20


def test_throwing_it_shortly_before_the_end_counts():
    assert episode([1] * 10 + [-1] * 2)[0] == 10


def test_what_failed_tells_nothing():
    assert np.isnan(episode([1] * 5 + [-1] * 15, success=False)).all()


@pytest.mark.parametrize("switch", [[1] * 8, [-1]])
def test_without_a_switch_thrown_the_end_is_the_keyframe(switch):
    assert episode(switch)[0] == len(switch) - 1


def turning(switch):
    """As `episode`, but the way of the hand turns by a right angle at step 10 of 20."""
    proprio = np.arange(20, dtype=np.float32)[:, None]
    actions = np.zeros((20, 3), np.float32)
    actions[:10, 0] = actions[10:, 1] = 0.5
    actions[:, 2] = switch
    return keyframe_offsets(proprio, actions, (2,), True)[:, 0] / 4


def test_where_no_switch_is_thrown_the_turns_of_the_hand_are_keyframes():
    offsets = turning([-1] * 20)
    event = int(offsets[0])
    assert 10 <= event <= 12, "the arm follows its actions with a lag"
    assert offsets[event + 1] == 19 - (event + 1)


def test_where_one_is_thrown_turns_are_none():
    assert turning([1] * 15 + [-1] * 5)[0] == 15


def test_how_the_arm_follows_its_actions_is_found_out():
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (80, 2)).astype(np.float32)
    place = 0.1 * np.r_[0, np.cumsum(actions[:-1, 0])]
    proprio = np.stack([place, np.zeros(80)], 1).astype(np.float32)
    spans = [slice(0, 40), slice(40, 80)]
    motion = motion_of(proprio, actions, spans, switches=(1,))
    assert motion == pytest.approx(np.array([[-0.4, 0.0], [0.0, 0.0]]), abs=1e-5)
