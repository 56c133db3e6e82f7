"""The metrics catch what they are there to catch: small networks, trained wrongly on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from toy_worlds import ACTIONS, SIZE, ToyModel, toy_futures, toy_moments, toy_recording

from wm_planner.evaluation.world_model.branches import latent_of
from wm_planner.evaluation.world_model.controllability import actions_to_try, controllability
from wm_planner.evaluation.world_model.drift import Drift, drift
from wm_planner.evaluation.world_model.futures import imagine
from wm_planner.evaluation.world_model.readout import fit_readout
from wm_planner.evaluation.world_model.recording import Encoded, Recording
from wm_planner.types import Latent


@dataclass
class Learnt(ToyModel):
    """A network in place of the world's step."""

    network: nn.Module = None

    def advance(self, latent, action) -> Latent:
        with torch.no_grad():
            return Latent(self.network(torch.cat([latent.z, action], -1)))


def learn(
    z: Tensor, actions: Tensor, following: Tensor, noise: float = 0.0, updates: int = 600
) -> Learnt:
    """A small network fitted to single steps, the way the world model's dynamics are."""
    torch.manual_seed(0)
    inputs = z.shape[-1] + actions.shape[-1]
    network = nn.Sequential(
        nn.Linear(inputs, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, z.shape[-1])
    )
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(updates):
        chosen = torch.randint(len(z), (64,))
        disturbed = z[chosen] + noise * torch.randn_like(z[chosen])
        guess = network(torch.cat([disturbed, actions[chosen]], -1))
        loss = (guess - following[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Learnt(network=network)


def steps_of(encoded: Encoded) -> tuple[Tensor, Tensor, Tensor]:
    """States (M, D), actions (M, A) and the states after them (M, D)."""
    z = encoded.latents.z
    return z[:, :-1].flatten(0, 1), encoded.recording.actions.flatten(0, 1), z[:, 1:].flatten(0, 1)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_model_trained_on_shuffled_actions_fails_controllability(shuffled):
    z, actions, following = steps_of(toy_recording(episodes=40))
    if shuffled:
        actions = actions[torch.randperm(len(actions), generator=torch.Generator().manual_seed(0))]
    model, moments = learn(z, actions, following), toy_moments()
    tried = actions_to_try(moments, 3, 4, (2,), seed=0)
    m, n = tried.shape[:2]
    real = toy_futures(moments, tried).latents.z[:, -1].unflatten(0, (m, n))
    imagined = imagine(model, latent_of(moments, n), tried.flatten(0, 1))[:, -1]
    found = controllability(imagined.unflatten(0, (m, n)), real, ACTIONS)
    if shuffled:
        assert abs(found.rank_correlation) < 0.2 and found.share_of_dimensions == 0
    else:
        assert found.rank_correlation > 0.9 and found.share_of_dimensions == 1


def circle(episodes: int, steps: int, seed: int) -> Encoded:
    """A pointer that actions turn, seen as twelve numbers: most latents are of no pointer."""
    generator = torch.Generator().manual_seed(seed)
    actions = torch.rand(episodes, steps, 1, generator=generator) * 2 - 1
    turn = torch.cat([torch.zeros(episodes, 1), (0.1 + 0.1 * actions[..., 0]).cumsum(1)], 1)
    angle = turn + 6.3 * torch.rand(episodes, 1, generator=generator)
    mix = torch.randn(2, 2 * SIZE, generator=torch.Generator().manual_seed(9))
    z = torch.tanh(torch.stack([angle.cos(), angle.sin()], -1) @ mix)
    none = torch.zeros(episodes, steps + 1, 1, 3, 8, 8, dtype=torch.uint8)
    rewards, stages = torch.zeros(episodes, steps), torch.zeros(episodes, steps + 1).long()
    recording = Recording(tuple(range(episodes)), none, z, actions, rewards, stages, rewards > 0)
    return Encoded(recording, Latent(z))


def drift_of(noise: float) -> Drift:
    model = learn(*steps_of(circle(20, 40, seed=0)), noise=noise)
    unseen = circle(8, 110, seed=1)
    return drift(model, unseen, fit_readout(unseen.latents.z, unseen.recording.proprio))


def test_a_model_trained_without_noise_drifts_more_than_one_trained_with():
    without, with_noise = drift_of(0.0), drift_of(0.1)
    assert without.errors[99] > 1.5 * with_noise.errors[99]
