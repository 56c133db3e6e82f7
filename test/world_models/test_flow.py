"""Noise that becomes a frame."""

from __future__ import annotations

import pytest
import torch
from tiny_families import tiny
from video_batches import generator, observation

from wm_planner.errors import UserError
from wm_planner.world_models.flow.losses import FlowLossConfig
from wm_planner.world_models.flow.network import Flow

B = 3


@pytest.fixture
def model() -> Flow:
    found = tiny("flow")
    assert isinstance(found, Flow)
    return found


def test_what_is_generated_is_normalised_as_what_is_encoded(model):
    z = model.encode(observation())
    after = model.window(model.advance(z, torch.rand(B, 4)).z)
    for tokens in (model.window(z.z).now, after.now):
        latents = tokens.unflatten(-1, (-1, model.config.latent_channels))
        assert latents.mean(-1).abs().max() < 1e-5


def test_more_steps_from_noise_are_another_frame_each_time_the_same():
    one, four = tiny("flow", samples=1), tiny("flow", samples=4)
    z = one.encode(observation())
    action = torch.rand(B, 4, generator=generator())
    frames = [model.advance(z, action).z for model in (one, one, four, four)]
    assert torch.equal(frames[0], frames[1]) and torch.equal(frames[2], frames[3])
    assert not torch.equal(frames[0], frames[2])


def test_samples_differ_by_their_seed_and_by_nothing_else(model):
    z, action = model.encode(observation()), torch.zeros(B, 4)
    one, again, other = (model.sample(z, action, generator(seed)).z for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, model.advance(z, action).z)


def test_noise_that_makes_no_sense_is_refused():
    with pytest.raises(UserError, match="tokenizer_noise"):
        FlowLossConfig(tokenizer_noise=-1.0)
