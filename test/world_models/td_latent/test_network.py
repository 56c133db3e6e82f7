"""Imagination is the dynamics step by step; the prior proposes what it says."""

from __future__ import annotations

import pytest
import torch
from einops import rearrange

from wm_planner.types import Latent, Observation
from wm_planner.world_models.td_latent import TDLatentConfig

N, H, A = 5, 4, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def actions() -> torch.Tensor:
    return torch.rand(3, N, H, A, generator=generator()) * 2 - 1


def test_a_latent_depends_on_every_camera_and_on_the_joints(model, observation):
    z = model.encode(observation).z
    assert z.shape == (3, 32)
    for camera in range(2):
        images = observation.images.clone()
        images[:, camera] = 255 - images[:, camera]
        assert not torch.allclose(model.encode(Observation(images, observation.proprio)).z, z)
    moved = observation._replace(proprio=observation.proprio + 1)
    assert not torch.allclose(model.encode(moved).z, z)


def test_encoding_changes_no_pixel(model, observation):
    before = observation.images.clone()
    model.encode(observation)
    assert torch.equal(observation.images, before)


def test_a_rollout_is_its_steps_one_after_another(model, observation, actions):
    latent = model.encode(observation)
    rollout = model.rollout(latent, actions)
    scale = 1 / (1 - model.config.discount)
    for b in range(3):
        for n in range(N):
            z = latent.z[b]
            for h in range(H):
                z = model.step(z, actions[b, n, h])
                reward = rollout.rewards[b, n, h]
                assert torch.allclose(model.reward(z)[0], reward, atol=1e-5)
            values = model.value(z[None])[:, 0] * scale
            assert torch.allclose(rollout.terminal_value[b, n], values.mean(), atol=1e-4)
            assert torch.allclose(rollout.disagreement[b, n], values.std(), atol=1e-4)


def test_the_first_reward_ignores_later_actions(model, observation, actions):
    latent = model.encode(observation)
    first = model.rollout(latent, actions)
    later = actions.clone()
    later[:, :, 1:] *= -1
    second = model.rollout(latent, later)
    assert torch.allclose(first.rewards[..., 0], second.rewards[..., 0], atol=1e-6)
    assert not torch.allclose(first.rewards[..., 1:], second.rewards[..., 1:], atol=1e-4)


def test_candidates_do_not_mix(model, observation, actions):
    """Shuffled candidates give shuffled returns."""
    latent = model.encode(observation)
    order = torch.randperm(N, generator=generator())
    shuffled = model.rollout(latent, actions[:, order]).rewards
    assert torch.allclose(shuffled, model.rollout(latent, actions).rewards[:, order], atol=1e-6)


def test_the_priors_mean_does_not_depend_on_the_noise(model, observation):
    latent = model.encode(observation)
    first, other = (model.propose(latent, n, H, generator(seed)) for n, seed in ((1, 1), (9, 2)))
    assert torch.allclose(first.mean, other.mean, atol=1e-6)
    assert torch.allclose(first.std, other.std, atol=1e-6)


def test_the_priors_mean_follows_its_own_imagination(model, observation):
    latent = model.encode(observation)
    proposal = model.propose(latent, N, H, generator())
    z = latent.z
    for h in range(H):
        prior = model.prior.at(z)
        assert torch.allclose(prior.mean, proposal.mean[:, h], atol=1e-5)
        assert torch.allclose(prior.std, proposal.std[:, h], atol=1e-5)
        action = torch.cat([prior.mean[:, :3], prior.mean[:, 3:].sign()], dim=1)
        z = model.step(z, action)


def test_proposals_are_valid_actions(model, observation):
    proposal = model.propose(model.encode(observation), 200, H, generator())
    assert proposal.actions.shape == (3, 200, H, A)
    assert proposal.mean.shape == proposal.std.shape == (3, H, A)
    assert proposal.actions.abs().max() <= 1
    assert set(proposal.actions[..., 3].unique().tolist()) == {-1.0, 1.0}
    assert (proposal.std > 0).all()


def test_proposals_are_distributed_as_the_prior_says(model, observation):
    """First step, where all of them start from the same latent; 5 standard errors."""
    n = 20_000
    latent = Latent(model.encode(observation).z[:1])
    drawn = model.propose(latent, n, 1, generator()).actions[0, :, 0]  # (N, A)
    prior = model.prior.at(latent.z)
    wanted = torch.distributions.Normal(prior.mean[0, :3], prior.std[0, :3])
    sample = wanted.sample((n,)).clamp(-1, 1)
    assert drawn[:, :3].mean(0) == pytest.approx(sample.mean(0), abs=0.03)
    assert drawn[:, :3].std(0) == pytest.approx(sample.std(0), rel=0.05)
    opened = (drawn[:, 3] > 0).float().mean()
    assert opened == pytest.approx(prior.logit[0, 3].sigmoid(), abs=0.02)
    assert prior.mean[0, 3] == pytest.approx(2 * prior.logit[0, 3].sigmoid() - 1, abs=1e-5)


def test_decoded_cameras_are_in_the_encoders_order(model):
    """The decoder is trained on (V C) and must be read back as (V C)."""
    plain = model.decoder(torch.rand(1, 32, generator=generator()))
    frames = model.decode(Latent(torch.rand(1, 32, generator=generator())))
    expected = (plain + 0.5).clamp(0, 1).mul(255).to(torch.uint8)
    assert torch.equal(rearrange(frames, "b v c h w -> b (v c) h w"), expected)


@pytest.mark.parametrize("size", [20, -8, 2.5])
def test_a_latent_size_that_cannot_be_is_named(size):
    with pytest.raises(ValueError, match="latent_size"):
        TDLatentConfig(latent_size=size)
