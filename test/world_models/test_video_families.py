"""What holds for families that generate video: a window that shifts, a tokenizer that is first."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_families import tiny, tiny_config
from torch.utils._python_dispatch import TorchDispatchMode
from video_batches import B, T, generator, observation, sequences

from wm_planner.errors import UserError
from wm_planner.types import Latent, Observation
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.video_config import VideoConfig
from wm_planner.world_models.video_losses import VideoLosses
from wm_planner.world_models.video_model import VideoModel

VIDEO = [name for name, family in FAMILIES.items() if issubclass(family.config, VideoConfig)]


@pytest.fixture(params=VIDEO)
def family(request) -> str:
    return request.param


@pytest.fixture
def model(family) -> VideoModel:
    found = tiny(family)
    assert isinstance(found, VideoModel)
    return found


def learning(family: str, **changes: object) -> tuple[VideoModel, VideoLosses]:
    torch.manual_seed(0)
    found = FAMILIES[family]
    model = found.build(tiny_config(family))
    losses = found.losses(model, found.loss_config(**{"drawn": 4, **changes}))  # type: ignore[arg-type]
    assert isinstance(model, VideoModel) and isinstance(losses, VideoLosses)
    return model, losses


def update(model: VideoModel, losses: VideoLosses, seed: int = 0) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    torch.stack(list(losses.terms(sequences(), generator(seed)).values())).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.after_update()


def test_there_are_such_families():
    assert {"flow", "tokens"} <= set(VIDEO)


def test_the_window_holds_the_last_two_frames(model):
    first, second = observation(1), observation(2)
    tokens = [model.tokenizer.encode(o.images, torch.float32) for o in (first, second)]
    z = model.encode(first)
    begun = model.window(z.z)
    assert torch.equal(begun.before, begun.now)
    later = model.window(model.encode(second, model.advance(z, torch.zeros(B, 4))).z)
    assert torch.allclose(later.before, tokens[0], atol=1e-5)
    assert torch.allclose(later.now, tokens[1], atol=1e-5)
    assert torch.equal(later.body_before, first.proprio)


def test_a_sequence_that_is_seen_is_read_as_frame_by_frame(model):
    seen = sequences()
    z = model.encode(Observation(seen.images[:, 0], seen.proprio[:, 0]))
    one_by_one = [z.z]
    for t in range(T):
        later = Observation(seen.images[:, t + 1], seen.proprio[:, t + 1])
        z = model.encode(later, model.advance(z, seen.actions[:, t]))
        one_by_one.append(z.z)
    filtered = model.filtered(seen.images, seen.proprio, seen.actions)
    assert torch.allclose(filtered, torch.stack(one_by_one, 1), atol=1e-4)


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


def test_the_tokenizer_learns_first_and_its_encoder_then_stays(family):
    model, losses = learning(family, tokenizer_updates=2)
    update(model, losses)
    assert set(losses.terms(sequences(), generator())) == {"pictures", "body"}
    update(model, losses)
    down = [p.clone() for p in model.tokenizer.down.parameters()]
    up = [p.clone() for p in model.tokenizer.up.parameters()]
    assert set(losses.terms(sequences(), generator())) > {"generation", "body", "prior", "value"}
    update(model, losses)
    assert all(map(torch.equal, down, model.tokenizer.down.parameters()))
    assert not all(map(torch.equal, up, model.tokenizer.up.parameters()))


def test_a_model_that_goes_on_has_a_tokenizer(family):
    _, losses = learning(family, tokenizer_updates=50)
    assert "generation" not in losses.terms(sequences(), generator())
    losses.go_on()
    assert "generation" in losses.terms(sequences(), generator())


def test_losses_that_are_loaded_know_how_many_updates_were_made(family):
    model, losses = learning(family, tokenizer_updates=2)
    for _ in range(2):
        update(model, losses)
    _, other = learning(family, tokenizer_updates=2)
    assert other.generated == -2
    other.load_state_dict(losses.state_dict())
    assert other.generated == 0


def test_generated_frames_take_the_place_of_true_ones_bit_by_bit(family):
    def error(updates: int) -> float:
        changes = {"self_forced": 1.0, "forced_updates": 10, "context_noise": 0.0}
        _, losses = learning(family, tokenizer_updates=0, **changes)
        losses.updates.fill_(updates)
        return losses.terms(sequences(), generator())["generation"].item()

    assert error(0) != error(10)
    assert error(10) == error(1000)


class Asked(TorchDispatchMode):
    """Counts what a GPU would have to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "unique")
        self.times += any(name in func.name() for name in waits)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("tokenizer_updates", [0, 50])
def test_an_update_never_waits_for_a_number_of_a_gpu(family, tokenizer_updates):
    model, losses = learning(family, tokenizer_updates=tokenizer_updates)
    update(model, losses)
    with Asked() as asked:
        torch.stack(list(losses.terms(sequences(), generator()).values())).sum().backward()
        losses.after_update()
    assert not asked.times
    with asked:
        int(losses.updates)
    assert asked.times == 1


def test_learning_lowers_the_error_of_pictures_and_of_generation(family):
    model, losses = learning(family, tokenizer_updates=20)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    errors: dict[str, list[float]] = {"pictures": [], "generation": []}
    for _ in range(50):
        terms = losses.terms(sequences(), generator())
        for name, values in errors.items():
            if name in terms:
                values.append(terms[name].item())
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
def test_shapes_that_do_not_fit_are_refused(family, changes, named):
    with pytest.raises(ValueError, match=named):
        tiny_config(family, **changes)


@pytest.mark.parametrize("changes", [{"self_forced": 1.5}, {"context_noise": -1.0}, {"drawn": 0}])
def test_weights_that_make_no_sense_are_refused(family, changes):
    (name,) = changes
    with pytest.raises(UserError, match=name):
        FAMILIES[family].loss_config(**changes)


def test_frames_of_128_pixels_have_as_many_tokens(family):
    model = tiny(family, image_size=128)
    assert isinstance(model, VideoModel)
    images = torch.randint(256, (1, 2, 3, 128, 128), generator=generator(), dtype=torch.uint8)
    latent = model.encode(Observation(images, torch.zeros(1, 8)))
    assert model.window(latent.z).now.shape == (1, 32, model.config.token_size)
    assert model.decode(Latent(latent.z)).shape == images.shape
