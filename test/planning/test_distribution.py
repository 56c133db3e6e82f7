"""The sampling distribution: how often a switch is open or flips, and what a refit gives."""

from __future__ import annotations

import pytest
import torch

from wm_planner.noise import Noise
from wm_planner.planning.cem import uniform_weights
from wm_planner.planning.distribution import SequenceDistribution
from wm_planner.planning.mppi import softmax_weights
from wm_planner.planning.sequence_noise import draw
from wm_planner.types import ActionSpace

GRIPPER = ActionSpace(1, switches=(0,))


def noise(n: int, horizon: int, generator, space=GRIPPER, correlation=0.0) -> Noise:
    (drawn,) = draw(1, (1, n, horizon), space, correlation, 0.2, generator, torch.device("cpu"))
    return drawn


def gripper(mean: list[float], generator, floor: float = 0.05) -> torch.Tensor:
    """20,000 sequences (N, H) of one gripper; `mean` for each step."""
    tensor = torch.tensor(mean)[None, :, None]
    distribution = SequenceDistribution(tensor, torch.ones_like(tensor), GRIPPER, floor)
    return distribution.sample(noise(20_000, len(mean), generator))[0, ..., 0]


def test_a_switch_is_open_as_often_as_its_mean_says(generator):
    drawn = gripper([0.0, 0.6, -0.6], generator)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([0.0, 0.6, -0.6]), atol=0.03, rtol=0)


def test_a_switch_flips_rarely_within_a_sequence(generator):
    drawn = gripper([0.0] * 5, generator)
    flips = (drawn.diff(dim=1) != 0).float().mean()
    assert abs(flips - 0.1) < 0.01  # a renewal is on the other side half of the time


def test_a_certain_switch_is_still_tried_the_other_way(generator):
    drawn = gripper([1.0, 1.0, -1.0], generator, floor=0.1)
    rarer = torch.stack([drawn[:, 0] < 0, drawn[:, 1] < 0, drawn[:, 2] > 0]).float().mean(1)
    torch.testing.assert_close(rarer, torch.full((3,), 0.1), atol=0.02, rtol=0)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_noise_is_standard_normal_and_correlated_as_asked(correlation, generator):
    steps = noise(20_000, 4, generator, ActionSpace(2), correlation).normal[0, ..., 0]  # (N, H)
    torch.testing.assert_close(steps.mean(0), torch.zeros(4), atol=0.03, rtol=0)
    torch.testing.assert_close(steps.std(0), torch.ones(4), atol=0.03, rtol=0)
    measured = torch.corrcoef(steps.T)
    expected = correlation ** (torch.arange(4)[:, None] - torch.arange(4)).abs()
    torch.testing.assert_close(measured, expected.float(), atol=0.03, rtol=0)


def test_a_refit_gives_the_weighted_moments_within_the_bounds():
    base = SequenceDistribution(
        torch.zeros(1, 1, 3), torch.ones(1, 1, 3), ActionSpace(3, switches=(2,)), 0.1
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
