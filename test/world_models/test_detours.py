"""What other actions would have been worth."""

import pytest
import torch
from tiny_families import tiny

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.detours import _elsewhere, detour_loss

B, T, A = 64, 5, 4
SWITCHES = torch.tensor([False, False, False, True])


def generator():
    return torch.Generator().manual_seed(0)


def shown():
    actions = torch.rand(B, T, A, generator=generator()) * 2 - 1
    actions[..., 3] = actions[..., 3].sign()
    return actions


def test_other_actions_are_actions():
    other, _ = _elsewhere(shown(), SWITCHES, generator())
    assert other.abs().max() <= 1
    assert set(other[..., 3].unique().tolist()) == {-1.0, 1.0}


def test_an_offset_is_how_many_steps_lead_back():
    actions = shown()
    other, steps = _elsewhere(actions, SWITCHES, generator())
    moved = (other - actions)[..., :3].cumsum(1).abs().amax(-1)
    wrong = other[..., 3] != actions[..., 3]
    assert torch.allclose(moved + 8.0 * wrong + 2.0 * wrong.cumsum(1), steps, atol=1e-5)


def test_some_throw_the_switch_and_some_of_those_throw_it_back():
    actions = shown()
    other, _ = _elsewhere(actions, SWITCHES, generator())
    wrong = other[..., 3] != actions[..., 3]
    assert 0.05 < wrong.float().mean() < 0.5
    assert (wrong[:, :-1] & ~wrong[:, 1:]).any()
    assert (wrong[:, :-1] & wrong[:, 1:]).any()


@pytest.mark.parametrize("family", ["td_latent", "rssm"])
def test_a_value_that_learned_it_prefers_what_was_shown(family):
    model = tiny(family).requires_grad_(True)
    z = model.example(B).z.detach()
    actions = shown()
    later = torch.full((B, T + 1), 0.8)
    batch = Batch(*[torch.empty(0)] * 8)._replace(actions=actions, returns=later)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for update in range(60):
        seeded = torch.Generator().manual_seed(update)
        loss = detour_loss(model, z, batch, later.expand(2, -1, -1), seeded).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
