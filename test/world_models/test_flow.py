"""Frames that become tokens and frames again, a window that shifts, noise that becomes a frame."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_families import tiny, tiny_config

from wm_planner.errors import UserError
from wm_planner.types import Latent, Observation
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.flow import FAMILY
from wm_planner.world_models.flow.losses import FlowLossConfig, FlowLosses
from wm_planner.world_models.flow.network import Flow

B, T = 3, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def observation(seed: int = 1) -> Observation:
    drawn = generator(seed)
    images = torch.randint(256, (B, 2, 3, 32, 32), generator=drawn, dtype=torch.uint8)
    return Observation(images, torch.randn(B, 8, generator=drawn))


def batch() -> Batch:
    drawn = generator(2)
    images = torch.randint(256, (B, T + 1, 2, 3, 32, 32), generator=drawn, dtype=torch.uint8)
    return Batch(
        images=images,
        proprio=torch.randn(B, T + 1, 8, generator=drawn),
        actions=torch.rand(B, T, 4, generator=drawn) * 2 - 1,
        rewards=torch.rand(B, T, generator=drawn),
        returns=torch.rand(B, T + 1, generator=drawn),
        labels=torch.full((B, T, 4), torch.nan),
        landmarks=torch.randn(B, T + 1, 4, generator=drawn),
        success=torch.zeros(B, T),
    )


@pytest.fixture
def model() -> Flow:
    found = tiny("flow")
    assert isinstance(found, Flow)
    return found


def learning(**changes: object) -> tuple[Flow, FlowLosses]:
    torch.manual_seed(0)
    model = FAMILY.build(tiny_config("flow"))
    return model, FlowLosses(model, FlowLossConfig(**{"drawn": 4, **changes}))


def update(model: Flow, losses: FlowLosses, seed: int = 0) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    torch.stack(list(losses.terms(batch(), generator(seed)).values())).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.after_update()


def test_the_window_holds_the_last_two_frames(model):
    first, second = observation(1), observation(2)
    tokens = [model.tokenizer.encode(o.images, torch.float32) for o in (first, second)]
    z = model.encode(first)
    begun = model.window(z.z)
    assert torch.equal(begun.before, begun.now)
    action = torch.zeros(B, 4)
    later = model.window(model.encode(second, model.advance(z, action)).z)
    assert torch.allclose(later.before, tokens[0], atol=1e-5)
    assert torch.allclose(later.now, tokens[1], atol=1e-5)
    assert torch.equal(later.body_before, first.proprio)


def test_a_sequence_that_is_seen_is_read_as_frame_by_frame(model):
    seen = batch()
    z = model.encode(Observation(seen.images[:, 0], seen.proprio[:, 0]))
    one_by_one = [z.z]
    for t in range(T):
        later = Observation(seen.images[:, t + 1], seen.proprio[:, t + 1])
        z = model.encode(later, model.advance(z, seen.actions[:, t]))
        one_by_one.append(z.z)
    filtered = model.filtered(seen.images, seen.proprio, seen.actions)
    assert torch.allclose(filtered, torch.stack(one_by_one, 1), atol=1e-4)


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


def test_the_future_depends_on_the_action_and_on_where_the_body_goes(model):
    z = model.encode(observation())
    still, moved = (model.advance(z, torch.full((B, 4), a)) for a in (0.0, 1.0))
    assert not torch.equal(model.window(still.z).now, model.window(moved.z).now)
    assert not torch.equal(model.window(still.z).body, model.window(moved.z).body)


def test_heads_read_the_front_alone(model):
    z = model.encode(observation()).z
    changed = z.clone()
    changed[:, model.glanced + model.config.width :] += 1
    assert torch.equal(model.reward(z), model.reward(changed))
    assert torch.equal(model.value(z), model.value(changed))
    assert torch.equal(model.prior.at(z).mean, model.prior.at(changed).mean)


def test_pictures_are_of_the_last_frame(model):
    seen = observation()
    latent = model.encode(seen)
    wanted = model.tokenizer.decode(model.tokenizer.encode(seen.images, torch.float32))
    found = model.decode(latent).float() / 255 - 0.5
    assert (found.flatten(1, 2) - wanted.clamp(-0.5, 0.5)).abs().max() < 1 / 128


def test_unknown_proprioception_is_guessed_from_the_frame(model):
    seen = observation()
    unfelt = seen._replace(proprio=torch.full((B, 8), math.nan))
    body = model.window(model.encode(unfelt).z).body
    assert body.isfinite().all()
    assert not torch.allclose(body, seen.proprio, atol=1e-3)


def test_the_tokenizer_learns_first_and_its_encoder_then_stays():
    model, losses = learning(tokenizer_updates=2)
    update(model, losses)
    assert set(losses.terms(batch(), generator())) == {"pictures", "body"}
    update(model, losses)
    down = [p.clone() for p in model.tokenizer.down.parameters()]
    up = [p.clone() for p in model.tokenizer.up.parameters()]
    assert set(losses.terms(batch(), generator())) > {"generation", "body", "prior", "value"}
    update(model, losses)
    assert all(map(torch.equal, down, model.tokenizer.down.parameters()))
    assert not all(map(torch.equal, up, model.tokenizer.up.parameters()))


def test_a_model_that_goes_on_has_a_tokenizer():
    _, losses = learning(tokenizer_updates=50)
    losses.go_on()
    assert "generation" in losses.terms(batch(), generator())


def test_generated_frames_take_the_place_of_true_ones_bit_by_bit():
    def error(updates: int) -> float:
        _, losses = learning(
            tokenizer_updates=0, self_forced=1.0, forced_updates=10, context_noise=0.0
        )
        losses.updates.fill_(updates)
        return losses.terms(batch(), generator())["generation"].item()

    assert error(0) != error(10)
    assert error(10) == error(1000)


def test_learning_lowers_the_error_of_pictures_and_of_generation():
    model, losses = learning(tokenizer_updates=20, learning_rate=0.01)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    errors: dict[str, list[float]] = {"pictures": [], "generation": []}
    for _ in range(50):
        terms = losses.terms(batch(), generator())
        for name, values in errors.items():
            if name in terms:
                values.append(float(terms[name]))
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.after_update()
    assert errors["pictures"][19] < 0.9 * errors["pictures"][0]
    assert errors["generation"][-1] < 0.8 * errors["generation"][0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"width": 10, "heads": 4}, "width 10"), ({"image_size": 48}, "image_size 48")],
)
def test_shapes_that_do_not_fit_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        tiny_config("flow", **changes)


@pytest.mark.parametrize("changes", [{"self_forced": 1.5}, {"context_noise": -1.0}, {"drawn": 0}])
def test_weights_that_make_no_sense_are_refused(changes):
    (name,) = changes
    with pytest.raises(UserError, match=name):
        FlowLossConfig(**changes)


def test_frames_of_128_pixels_have_as_many_tokens():
    model = tiny("flow", image_size=128)
    images = torch.randint(256, (1, 2, 3, 128, 128), generator=generator(), dtype=torch.uint8)
    latent = model.encode(Observation(images, torch.zeros(1, 8)))
    assert model.window(latent.z).now.shape == (1, 32, model.config.token_size)
    assert model.decode(Latent(latent.z)).shape == images.shape
