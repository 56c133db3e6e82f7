"""What the value ensemble disagrees on can be wanted, and actions can be disturbed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from wm_planner.planning import Curiosity, NoOp, PlannerConfig, UncertaintyPenalty
from wm_planner.planning.disturbed import Disturbed
from wm_planner.types import UNKNOWN, ActionSpace, Latent, Rollout

SPACE = ActionSpace(4, switches=(3,))
UNSURE = Rollout(
    torch.zeros(1, 3, 2, 4),
    torch.zeros(1, 3, 2),
    torch.zeros(1, 3),
    torch.tensor([[0.0, 1.0, 3.0]]),
)


def test_curiosity_is_the_opposite_of_the_penalty():
    wanted = Curiosity(2.0, 0.5).score(UNSURE, None, UNKNOWN)
    assert wanted.tolist() == [[0.0, 0.5, 1.5]]
    assert torch.equal(wanted, -UncertaintyPenalty(2.0, 0.5).score(UNSURE, None, UNKNOWN))


def test_it_is_weighed_by_its_name():
    config = PlannerConfig(discount=0.5, objectives={"curiosity": 2.0})
    assert config.objective().terms == (Curiosity(2.0, 0.5),)
    with pytest.raises(ValueError, match="curiosity weighs -1"):
        replace(config, objectives={"curiosity": -1.0})


def noisy(std: float, seed: int) -> torch.Tensor:
    planner = Disturbed(NoOp(SPACE, horizon=3), SPACE, std)
    generators = [torch.Generator().manual_seed(seed + i) for i in range(2)]
    return planner.plan(Latent(torch.zeros(2, 5)), None, generators).actions  # (2, 3, 4)


def test_noise_is_of_the_action_taken_but_not_of_switches():
    actions = noisy(0.3, seed=0)
    assert (actions[:, 0, :3] != 0).all() and (actions[:, 0, 3] == 1).all()
    assert (actions[:, 1:, :3] == 0).all()


def test_each_episode_has_its_own_noise_and_repeats_it():
    actions = noisy(0.3, seed=0)
    assert torch.equal(actions, noisy(0.3, seed=0))
    assert torch.equal(actions[1], noisy(0.3, seed=1)[0])


def test_disturbed_actions_stay_in_range():
    assert noisy(1.0, seed=3).abs().max() <= 1
    with pytest.raises(ValueError, match="action_noise is 2"):
        PlannerConfig(action_noise=2.0)
