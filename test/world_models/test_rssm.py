"""A memory that frames do not mend, discrete variables that they do, and losses that repeat."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.types import Latent, Observation
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.rssm import RSSM, RSSMConfig, RSSMLossConfig, RSSMLosses
from wm_planner.world_models.rssm.behaviour import lambda_returns
from wm_planner.world_models.rssm.sampling import divergence, exponential, follow, sample

TINY = RSSMConfig(
    image_size=32,
    hidden_size=24,
    value_members=3,
    channels=(4, 4, 8, 8),
    memory_size=16,
    groups=3,
    classes=5,
    dynamics_size=16,
    bins=11,
)
SMALL = RSSMLossConfig(drawn=4, starts=3, imagined=3)
B, T = 3, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fresh(**changes: object) -> RSSM:
    torch.manual_seed(0)
    return RSSM(replace(TINY, **changes))


@pytest.fixture
def model() -> RSSM:
    return fresh().eval().requires_grad_(False)


@pytest.fixture
def batch() -> Batch:
    g = generator(3)
    images = torch.randint(0, 256, (B, T + 1, 2, 3, 32, 32), generator=g, dtype=torch.uint8)
    actions = torch.rand(B, T, 4, generator=g) * 2 - 1
    return Batch(
        images,
        torch.randn(B, T + 1, 8, generator=g),
        actions,
        torch.rand(B, T, generator=g),
        torch.rand(B, T + 1, generator=g),
        actions * 0.5,
        torch.randn(B, T + 1, 4, generator=g),
        torch.zeros(B, T),
    )


def test_a_frame_mends_the_discrete_variables_and_leaves_the_memory(model, observation):
    before = Latent(torch.randn(3, TINY.latent_size, generator=generator()))
    foreseen = model.advance(before, torch.zeros(3, 4))
    mended = model.encode(observation, foreseen)
    assert torch.equal(mended.z[:, :16], foreseen.z[:, :16])
    assert not torch.allclose(mended.z[:, 16:], foreseen.z[:, 16:], atol=1e-4)
    assert torch.equal(model.encode(observation).z[:, :16], torch.zeros(3, 16))


def test_a_latent_depends_on_what_was_seen_before(model, observation):
    shown = observation.images.flip(0)
    action = torch.zeros(3, 4)
    first, other = (
        model.encode(observation, model.advance(model.encode(Observation(i, p)), action)).z
        for i, p in (observation[:2], (shown, observation.proprio))
    )
    assert not torch.allclose(first[[0, 2]], other[[0, 2]], atol=1e-5)


@pytest.mark.parametrize("mode", [False, True])
def test_at_run_time_nothing_is_sampled(mode, observation):
    model = fresh(mode=mode).eval().requires_grad_(False)
    latent = model.encode(observation)
    actions = torch.rand(3, 4, 2, 4, generator=generator())
    first, again = (model.rollout(latent, actions) for _ in range(2))
    assert torch.equal(first.latents, again.latents) and torch.equal(first.rewards, again.rewards)
    z = model.step(model.step(latent.z, actions[:, 1, 0]), actions[:, 1, 1])
    assert torch.allclose(first.latents[:, 1, 1], z, atol=1e-5)
    chances = z[:, 16:].unflatten(-1, (3, 5))
    assert torch.allclose(chances.sum(-1), torch.ones(3, 3), atol=1e-5)
    assert (chances.amax(-1) == 1).all() == mode


def test_every_value_keeps_its_share_of_the_uniform_distribution(model):
    logs = model.predicted(100 * torch.randn(7, 16, generator=generator()))
    assert logs.exp().min() >= 0.01 / 5 - 1e-7


def test_samples_come_as_often_as_they_should_and_gradients_pass_as_if_they_were_chances():
    chances = torch.tensor([[0.7, 0.2, 0.1]])
    logs = chances.log().expand(20_000, 1, 3).requires_grad_(True)
    drawn = sample(logs, exponential((20_000, 1, 3), generator(), logs))
    assert drawn.detach().sum(-1).allclose(torch.ones(()))
    assert drawn.detach().mean(0).tolist() == pytest.approx(chances[0].tolist(), abs=0.02)
    (gradient,) = torch.autograd.grad(drawn[0, 1], logs)
    assert gradient[0, 0, 1] == pytest.approx(0.2) and not gradient[1:].any()


def test_divergence_is_in_nats_and_adds_up_over_variables():
    certain = torch.tensor([1.0 - 1e-7, 1e-7 / 3, 1e-7 / 3, 1e-7 / 3]).log().expand(2, 4)
    uniform = torch.full((2, 4), 0.25).log()
    assert divergence(certain, uniform) == pytest.approx(2 * math.log(4), abs=1e-4)
    assert divergence(uniform, uniform) == 0


def test_following_is_encoding_and_advancing_but_for_the_samples(model, batch):
    """With noise that never overrules the likeliest value, and the mode at run time."""
    model.config = replace(TINY, mode=True)
    noise = torch.ones(T + 1, B, 3, 5)
    embedded = model.embed(batch.images, batch.proprio)
    followed = follow(model, dict(enumerate(embedded.unbind(1))), batch.actions, noise)
    filtered = model.filtered(batch.images, batch.proprio, batch.actions)
    assert torch.allclose(followed.latents, filtered, atol=1e-5)


def test_lambda_returns_are_as_on_paper():
    """Discount 0.5, lambda 0.95, rewards 1 and 3, values 9 (not used), 2 and 4."""
    last = 0.5 * 3 + 0.5 * 4
    first = 0.5 * 1 + 0.5 * (0.05 * 2 + 0.95 * last)
    found = lambda_returns(torch.tensor([[1.0, 3.0]]), torch.tensor([[9.0, 2.0, 4.0]]), 0.5)
    assert found[0].tolist() == pytest.approx([first, last])


def test_terms_have_weights_and_repeat_to_the_bit(batch):
    losses = RSSMLosses(fresh(), SMALL)
    first, again, other = (losses.terms(batch, generator(seed)) for seed in (1, 1, 2))
    assert first.keys() <= {field.name for field in fields(RSSMLossConfig)}
    assert all(term.isfinite() and term.ndim == 0 for term in first.values())
    assert {k: v.item() for k, v in first.items()} == {k: v.item() for k, v in again.items()}
    assert first["decoder"] != other["decoder"]


def test_pictures_shape_the_latent_and_imagination_does_not(batch):
    model = fresh()
    terms = RSSMLosses(model, replace(SMALL, taught=1.0, free=0.0)).terms(batch, generator())
    world = [model.encoder.convolutions[0].weight, model.memory.gates.weight]
    for name, shapes in (
        ("decoder", True), ("representation", True), ("dynamics", True), ("success", False),
        ("actor", False), ("critic", False),
    ):  # fmt: skip
        found = torch.autograd.grad(terms[name], world, retain_graph=True, allow_unused=True)
        assert (found[1] is not None and bool(found[1].any())) == shapes, name


def test_what_has_no_weight_is_not_imagined(batch):
    quiet = replace(SMALL, actor=0.0, critic=0.0)
    assert not {"actor", "critic"} & RSSMLosses(fresh(), quiet).terms(batch, generator()).keys()


def test_unknown_proprioception_labels_and_landmarks_are_no_nan(batch):
    nothing = batch._replace(
        proprio=batch.proprio * math.nan,
        labels=batch.labels * math.nan,
        landmarks=batch.landmarks[..., :0],
    )
    terms = RSSMLosses(fresh(), SMALL).terms(nothing, generator())
    assert all(term.isfinite() for term in terms.values())
    assert terms["body"] == terms["landmarks"] == 0


def test_sequences_of_a_single_step_are_learned_from(batch):
    short = Batch(*(part[:, : part.shape[1] - T + 1] for part in batch if part is not None))
    assert all(t.isfinite() for t in RSSMLosses(fresh(), SMALL).terms(short, generator()).values())


def test_pictures_are_learned_of_scenes_not_of_what_covers_them(batch):
    """With all weights of the decoder zero it draws grey: the error is that of the scenes."""
    model = fresh()
    torch.nn.init.zeros_(model.decoder.layers[-1].weight)
    torch.nn.init.zeros_(model.decoder.layers[-1].bias)
    scenes = torch.full_like(batch.images, 255)
    covered = batch._replace(scenes=scenes)
    terms = RSSMLosses(model, SMALL).terms(covered, generator())
    assert terms["decoder"].item() == pytest.approx(0.25)


def test_a_prior_without_recall_goes_by_what_is_believed_now(observation):
    model = fresh()
    z = model.correct(None, model.embed(*observation))
    other = torch.cat([torch.randn_like(z[..., :16]), z[..., 16:]], -1)  # of another past
    assert torch.equal(model.prior.at(z).mean, model.prior.at(other).mean)
    assert not torch.equal(model.prior.at(z).mean, model.prior.at(z.flip(-1)).mean)
    recalls = fresh(prior_recalls=True)
    assert not torch.equal(recalls.prior.at(z).mean, recalls.prior.at(other).mean)


def test_what_is_not_glimpsed_is_foreseen(model, batch):
    """Frames without a glimpse are never asked for, and change nothing."""
    noise = torch.ones(T + 1, B, 3, 5)
    embedded = model.embed(batch.images, batch.proprio)
    glimpses = {t: embedded[:, t] for t in (0, 3)}
    followed = follow(model, glimpses, batch.actions, noise)
    foreseen = model.predicted(followed.latents[:, [1, 2, 4, 5], :16])
    assert torch.allclose(followed.logs[:, [1, 2, 4, 5]], foreseen, atol=1e-5)
    first = RSSMLosses(model, replace(SMALL, glimpses=1)).terms(batch, generator())
    blind = batch._replace(images=batch.images.clone(), scenes=batch.images)
    blind.images[:, 1:] = 0
    again = RSSMLosses(model, replace(SMALL, glimpses=1)).terms(blind, generator())
    assert {k: v.item() for k, v in first.items()} == {k: v.item() for k, v in again.items()}
    assert "dynamics" not in first


@pytest.mark.parametrize("values", [{"taught": 0.0}, {"glimpses": 0}, {"free": -1.0}])
def test_weights_that_cannot_be_are_named(values):
    with pytest.raises(UserError, match=next(iter(values))):
        RSSMLossConfig(**values)


def test_sizes_that_cannot_be_are_named():
    for values in ({"groups": 0}, {"classes": 1}, {"unimix": 1.0}, {"mode": 1}):
        with pytest.raises(ValueError, match=next(iter(values))):
            RSSMConfig(**values)
