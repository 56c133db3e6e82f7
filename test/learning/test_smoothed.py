"""What demonstrators meant by their actions."""

import torch

from wm_planner.learning.smoothed import smoothed

ACTIONS = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.6, -1.0], [0.9, -1.0], [0.3, 1.0]])


def test_a_pause_means_what_is_done_after_it():
    means = smoothed(ACTIONS, [slice(0, 5)], 3, switches=())
    torch.testing.assert_close(means[:, 0], torch.tensor([0.2, 0.5, 0.6, 0.6, 0.3]))


def test_another_episode_means_nothing_to_this_one():
    means = smoothed(ACTIONS, [slice(0, 2), slice(2, 5)], 3, switches=())
    assert means[:2, 0].tolist() == [0, 0]
    torch.testing.assert_close(means[2:, 0], torch.tensor([0.6, 0.6, 0.3]))


def test_switches_are_thrown_when_they_were():
    assert torch.equal(smoothed(ACTIONS, [slice(0, 5)], 3, (1,))[:, 1], ACTIONS[:, 1])


def test_one_step_is_the_action_itself():
    torch.testing.assert_close(smoothed(ACTIONS, [slice(0, 5)], 1, (1,)), ACTIONS)
