"""Digits that are rounded to levels, codes that are told at once or in rounds, or by chance."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from tiny_families import tiny, tiny_config
from torch import Tensor
from video_batches import generator, observation, sequences

from wm_planner.types import Latent
from wm_planner.world_models.levels import level_of, middles, to_level
from wm_planner.world_models.tokens import FAMILY
from wm_planner.world_models.tokens.losses import TokensLossConfig, TokensLosses
from wm_planner.world_models.tokens.network import Tokens
from wm_planner.world_models.tokens.tokenizer import Tokenizer
from wm_planner.world_models.video_model import Coming

B = 3


@pytest.fixture
def model() -> Tokens:
    return built()


def built(**changes: object) -> Tokens:
    found = tiny("tokens", **changes)
    assert isinstance(found, Tokens)
    return found


def learning(**changes: object) -> tuple[Tokens, TokensLosses]:
    torch.manual_seed(0)
    model = FAMILY.build(tiny_config("tokens"))
    assert isinstance(model, Tokens)
    return model, TokensLosses(model, TokensLossConfig(**{"drawn": 4, **changes}))  # type: ignore[arg-type]


def tokenizer(model: Tokens) -> Tokenizer:
    assert isinstance(model.tokenizer, Tokenizer)
    return model.tokenizer


def coming(model: Tokens) -> Coming:
    """What is known of a moment, of latents that differ."""
    z = model.encode(observation()).z
    found: list[Coming] = []

    def draw(known: Coming) -> Tensor:
        found.append(known)
        return known.window.now

    model.after(z, torch.rand(B, 4, generator=generator()), draw)
    return found[0]


def are_levels(model: Tokens, tokens: Tensor) -> bool:
    return torch.allclose(tokens, to_level(tokens, model.config.levels), atol=1e-6)


@pytest.mark.parametrize("levels", [2, 3, 4, 8])
def test_every_level_stands_for_itself_and_all_are_equally_wide(levels):
    assert level_of(middles(levels), levels).tolist() == list(range(levels))
    assert torch.allclose(to_level(middles(levels), levels), middles(levels))
    evenly = torch.linspace(-1, 1, 1000 * levels + 1)[:-1] + 1e-4
    assert level_of(evenly, levels).bincount().tolist() == [1000] * levels
    assert level_of(torch.tensor([-1.0, 1.0]), levels).tolist() == [0, levels - 1]


def test_rounding_lets_gradients_through(model):
    latents = torch.randn(50, 3, generator=generator()).requires_grad_(True)
    digits = tokenizer(model).bounded(latents)
    assert are_levels(model, digits)
    digits.sum().backward()
    assert (latents.grad > 0).all()


def test_codes_are_numbered_by_their_digits(model):
    levels = model.config.levels
    every = torch.cartesian_prod(*[middles(levels)] * 3)  # (64, 3)
    tokens = every.reshape(16, 12)  # of 4 codes
    codes = tokenizer(model).codes(tokens)
    assert codes.shape == (16, 4)
    assert sorted(codes.flatten().tolist()) == list(range(levels**3))


def test_usage_tells_how_many_codes_there_would_be_if_all_were_used_alike(model):
    every = torch.cartesian_prod(*[middles(4)] * 3).reshape(16, 12)
    usage = tokenizer(model).usage(every)
    assert usage.codes == 64
    assert usage.perplexity == pytest.approx(64) and usage.digits == pytest.approx(1)
    one = tokenizer(model).usage(every[:1, :3].repeat(5, 4))
    assert one.codes == 1
    assert one.perplexity == pytest.approx(1) and one.digits == pytest.approx(0.25)


def test_frames_become_levels_and_planned_ones_lie_between(model):
    z = model.encode(observation())
    assert are_levels(model, model.window(z.z).now)
    action = torch.rand(B, 4)
    planned = model.window(model.advance(z, action).z).now
    assert not are_levels(model, planned) and planned.abs().max() < 1
    likeliest = built(likeliest=True)
    assert are_levels(likeliest, likeliest.window(likeliest.advance(z, action).z).now)


def test_what_is_imagined_changes_little_by_little_with_the_action(model):
    z, action = model.encode(observation()), torch.zeros(B, 4)
    here, near, far = (model.window(model.advance(z, action + d).z).now for d in (0, 1e-3, 1))
    assert 0 < (near - here).abs().max() < 0.1 * (far - here).abs().max()


def test_levels_are_probabilities_and_what_is_masked_is_not_looked_at(model):
    known = coming(model)
    frame, other = (known.window.now.roll(i, 1) for i in (1, 2))
    masked = torch.rand(*frame.shape[:2], 4, generator=generator()) < 0.5
    logs = model.logs(known, frame, masked)
    assert torch.allclose(logs.exp().sum(-1), torch.ones(frame.shape), atol=1e-5)
    hidden = model.each_digit(masked)
    assert torch.equal(logs, model.logs(known, torch.where(hidden, other, frame), masked))
    assert not torch.equal(logs, model.logs(known, torch.where(hidden, frame, other), masked))


def test_a_frame_most_likely_stays_as_it_is_before_anything_is_learned(model):
    known = coming(model)
    now = known.window.now
    logs = model.logs(known, now, torch.ones(*now.shape[:2], 4, dtype=torch.bool))
    assert (logs.argmax(-1) == level_of(now, model.config.levels)).float().mean() > 0.9


def test_more_rounds_are_another_frame_each_time_the_same():
    one, four = built(rounds=1), built(rounds=4)
    z, action = one.encode(observation()), torch.rand(B, 4, generator=generator())
    frames = [m.advance(z, action).z for m in (one, one, four, four)]
    assert torch.equal(frames[0], frames[1]) and torch.equal(frames[2], frames[3])
    assert not torch.equal(frames[0], frames[2])


def test_codes_once_filled_in_stay_and_the_surest_come_first(model, monkeypatch):
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    tell = model.logs

    def told(known: Coming, frame: Tensor, masked: Tensor) -> Tensor:
        logs = tell(known, frame, masked)
        seen.append((frame, masked, logs))
        return logs

    monkeypatch.setattr(model, "logs", told)
    final = model.decoded(coming(model), 4)
    left = [masked.flatten(1).sum(1).tolist() for _, masked, _ in seen]
    assert left == [[n] * B for n in (128, 118, 90, 48)]  # by a cosine
    for (frame, masked, _), (later, _, _) in pairwise(seen):
        filled = ~model.each_digit(masked)
        assert torch.equal(frame[filled], later[filled])
        assert torch.equal(later[filled], final[filled])
    logs = seen[0][2]
    sure = (logs.exp() * logs).sum(-1).unflatten(-1, (4, -1)).sum(-1)
    masked = seen[1][1]
    assert all(sure[b][~masked[b]].min() >= sure[b][masked[b]].max() for b in range(B))


def test_samples_are_levels_that_differ_by_their_seed_and_by_nothing_else(model):
    z, action = model.encode(observation()), torch.zeros(B, 4)
    one, again, other = (model.sample(z, action, generator(seed)).z for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert are_levels(model, model.window(one).now)
    alone = model.sample(Latent(z.z[1:2]), action[:1], [generator(5)])
    among = model.sample(z, action, [generator(4), generator(5), generator(6)])
    assert torch.equal(alone.z[0], among.z[1])


def test_levels_are_drawn_as_often_as_they_are_likely(model):
    known = coming(model)
    now = known.window.now
    logs = model.logs(known, now, torch.ones(*now.shape[:2], 4, dtype=torch.bool))
    shape = (B, 1, now.shape[1], now.shape[2] + 4)
    counts = torch.zeros_like(logs)
    for seed in range(200):
        drawn = model.decoded(known, 1, torch.rand(shape, generator=generator(seed)))
        counts += torch.nn.functional.one_hot(level_of(drawn, 4), 4)
    assert (counts / 200 - logs.exp()).abs().mean() < 0.03


def test_true_frames_are_disturbed_as_much_as_was_said():
    model, losses = learning()
    frame = to_level(2 * torch.rand(2, 16, 12, generator=generator()) - 1, 4)
    frame = frame.repeat(1, 2, 1)
    level = torch.tensor([[0.0], [0.8]])
    found = losses.disturbed(frame, level, generator())
    assert torch.equal(found[0], frame[0])
    assert (found[1] != frame[1]).float().mean() == pytest.approx(0.6, abs=0.1)  # 3 of 4 levels
    assert are_levels(model, found)


def test_the_error_is_of_codes_that_are_masked():
    model, losses = learning()
    known = coming(model.eval())
    true = known.window.now.roll(1, 1)
    frame, error = losses.attempt(known, true, generator())
    given = frame == true
    assert error.shape == frame.shape[:2] and (error >= 0).all()
    assert torch.equal(error == 0, given.all(-1))
    assert given.any() and not given.all()


def test_the_log_tells_which_codes_are_used():
    _, losses = learning()
    told = losses.measured(sequences())
    assert set(told) == {"codes", "perplexity", "digits"}
    assert 1 <= told["perplexity"] <= told["codes"] <= 64
    assert 0.25 <= told["digits"] <= 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"levels": 1}, "levels 1"),
        ({"rounds": 0}, "rounds 0"),
        ({"likeliest": 1}, "likeliest 1"),
        ({"levels": 256, "latent_channels": 8}, "more codes"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        tiny_config("tokens", **changes)
