"""What other actions would have been worth."""

import pytest
import torch
from tiny_families import tiny

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.detours import _elsewhere, detour_losses, steps_back

B, T, A = 64, 5, 4
SWITCHES = torch.tensor([False, False, False, True])


def generator():
    return torch.Generator().manual_seed(0)


def shown():
    actions = torch.rand(B, T, A, generator=generator()) * 2 - 1
    actions[..., 3] = actions[..., 3].sign()
    return actions


def test_other_actions_are_actions():
    other = _elsewhere(shown(), SWITCHES, generator())
    assert other.abs().max() <= 1
    assert set(other[..., 3].unique().tolist()) == {-1.0, 1.0}


def test_some_throw_the_switch_and_some_of_those_throw_it_back():
    actions = shown()
    other = _elsewhere(actions, SWITCHES, generator())
    wrong = other[..., 3] != actions[..., 3]
    assert 0.05 < wrong.float().mean() < 0.5
    assert (wrong[:, :-1] & ~wrong[:, 1:]).any()
    assert (wrong[:, :-1] & wrong[:, 1:]).any()


def path(*moves):
    """One sequence of moves along the first action, its switch open, or closed where it says so."""
    actions = torch.zeros(1, len(moves), A)
    actions[0, :, 0] = torch.tensor([abs(move) - 1 if move < 0 else move for move in moves])
    actions[0, :, 3] = torch.tensor([-1.0 if move < 0 else 1.0 for move in moves])
    return actions


def test_what_was_shown_is_no_way_off():
    actions = shown()
    actions[..., 3] = 1.0
    assert steps_back(actions, actions, SWITCHES).diagonal(1, 1, 2).abs().max() == 0


def test_standing_still_is_as_far_from_a_state_as_what_leads_there():
    ways = steps_back(path(0.0, 0.0), path(1.0, 0.5), SWITCHES)
    assert ways[0].tolist() == [[0.0, 1.0, 1.5], [0.0, 1.0, 1.5]]


def test_a_short_cut_is_at_a_later_state_already():
    assert steps_back(path(1.0, 0.0), path(0.5, 0.5), SWITCHES)[0, 0].tolist() == [1.0, 0.5, 0.0]


def test_a_switch_thrown_too_early_costs_even_when_it_is_thrown_back():
    ways = steps_back(path(-1.0, 0.0), path(0.0, 0.0), SWITCHES)[0]
    assert ways.tolist() == [[10.0] * 3, [2.0] * 3]


@pytest.mark.parametrize("family", ["td_latent", "rssm"])
def test_a_value_that_learned_it_prefers_what_was_shown(family):
    model = tiny(family).requires_grad_(True)
    z = model.example(B).z.detach()
    actions = shown()
    later = torch.full((2, B, T + 1), 0.8)
    batch = Batch(*[torch.empty(0)] * 8)._replace(actions=actions)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for update in range(60):
        seeded = torch.Generator().manual_seed(update)
        loss = detour_losses(model, z, batch, later, seeded).value.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_landmarks_of_a_detour_are_those_shown_moved_by_what_was_done_otherwise(monkeypatch):
    """A landmark that only counts the steps of the first action: what is asked for is known."""
    wanted = []

    def record(model, latents, batch):
        wanted.append(batch.landmarks)
        return latents[..., 0]

    other = shown().flip(0)
    monkeypatch.setattr("wm_planner.world_models.detours.landmark_loss", record)
    monkeypatch.setattr("wm_planner.world_models.detours._elsewhere", lambda *_: other)
    model, motion = tiny("td_latent", landmark_size=1), torch.tensor([[-1.0], [0.0], [0.0], [0.0]])
    position = torch.cat([torch.zeros(B, 1), shown()[..., 0].cumsum(1)], 1)
    batch = Batch(*[torch.empty(0)] * 8)._replace(
        actions=shown(), landmarks=5.0 - position[..., None], motion=motion
    )
    detour_losses(model, model.example(B).z, batch, torch.ones(2, B, T + 1), generator())
    assert torch.allclose(wanted[0][..., 0], 5.0 - other[..., 0].cumsum(1), atol=1e-5)
