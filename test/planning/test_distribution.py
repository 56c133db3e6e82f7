"""The sampling distribution: how often a switch is open or flips, and what a refit gives."""

from __future__ import annotations

import torch

from wm_planner.planning.cem import uniform_weights
from wm_planner.planning.distribution import SequenceDistribution
from wm_planner.planning.mppi import softmax_weights


def gripper(mean: list[float], floor: float = 0.05, renewal: float = 0.2) -> SequenceDistribution:
    """One gripper, one sequence; `mean` for each step."""
    tensor = torch.tensor(mean)[None, :, None]
    return SequenceDistribution(
        tensor, torch.ones_like(tensor), torch.tensor([True]), floor, renewal
    )


def test_a_switch_is_open_as_often_as_its_mean_says(generator):
    drawn = gripper([0.0, 0.6, -0.6]).sample(20_000, generator)[0, ..., 0]  # (N, H)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([0.0, 0.6, -0.6]), atol=0.03, rtol=0)


def test_a_switch_flips_rarely_within_a_sequence(generator):
    drawn = gripper([0.0] * 5, renewal=0.2).sample(20_000, generator)[0, ..., 0]
    flips = (drawn.diff(dim=1) != 0).float().mean()
    assert abs(flips - 0.1) < 0.01  # a renewal is on the other side half of the time


def test_a_certain_switch_is_still_tried_the_other_way(generator):
    drawn = gripper([1.0, 1.0, -1.0], floor=0.1).sample(20_000, generator)[0, ..., 0]
    rarer = torch.stack([drawn[:, 0] < 0, drawn[:, 1] < 0, drawn[:, 2] > 0]).float().mean(1)
    torch.testing.assert_close(rarer, torch.full((3,), 0.1), atol=0.02, rtol=0)


def test_a_refit_gives_the_weighted_moments_within_the_bounds():
    base = SequenceDistribution(
        torch.zeros(1, 1, 3), torch.ones(1, 1, 3), torch.tensor([False, False, True]), 0.1, 0.2
    )
    actions = torch.tensor([[[[0.0, 0.3, 1.0]], [[0.4, 0.3, -1.0]]]])  # (1, 2, 1, 3)
    weights = torch.tensor([[0.75, 0.25]])
    refitted = base.refitted(actions, weights, min_std=0.05, max_std=0.15)
    torch.testing.assert_close(refitted.mean[0, 0], torch.tensor([0.1, 0.3, 0.5]))
    torch.testing.assert_close(refitted.std[0, 0], torch.tensor([0.15, 0.05, 0.75**0.5]))
    assert refitted.central()[0, 0, 2] == 1


def test_weights_add_up_and_ignore_what_is_not_finite():
    scores = torch.tensor([[3.0, 2.0, -torch.inf], [1.0, 1.0, 1.0], [5.0, -torch.inf, -torch.inf]])
    for weights in (uniform_weights(scores), softmax_weights(scores, temperature=0.5)):
        torch.testing.assert_close(weights.sum(1), torch.ones(3))
        assert weights[0, 2] == 0
        assert weights[2].tolist() == [1, 0, 0]
        torch.testing.assert_close(weights[1], torch.full((3,), 1 / 3))


def test_mppi_weights_do_not_depend_on_the_scale_or_offset_of_the_reward():
    scores = torch.tensor([[4.0, 2.0, 1.0, -3.0]])
    weights = softmax_weights(scores, temperature=0.5)
    torch.testing.assert_close(weights, softmax_weights(1000 * scores - 7, temperature=0.5))
    spread = scores.std(correction=0)
    expected = (scores / (0.5 * spread)).softmax(1)
    torch.testing.assert_close(weights, expected)
