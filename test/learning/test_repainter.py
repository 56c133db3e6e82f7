"""What paints futures over the frames seen last learns to move things; nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from toy_episodes import TINY

from wm_planner.errors import UserError
from wm_planner.learning.compact import CompactConfig, compact
from wm_planner.learning.picture_fit import Moments, prepare
from wm_planner.learning.repainter import RepainterConfig, draw, fit_repainter
from wm_planner.learning.rounds import train
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train_config import TrainConfig
from wm_planner.types import Latent, Seen
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model

CAMERAS = ("front", "wrist")


@pytest.fixture
def folder(model, tmp_path: Path) -> Path:
    config = ModelConfig("grasp", "panda", CAMERAS, 10.0, TINY, {"updates": 7})
    save_model(tmp_path / "model", model, config)
    return tmp_path / "model"


@pytest.fixture
def settings(folder, dataset, tmp_path) -> RepainterConfig:
    out = tmp_path / "fitted"
    return RepainterConfig(str(folder), (dataset,), out, updates=150, batch_size=16, horizon=4)


def moments_of(model: LatentModel, dataset: Path) -> Moments:
    return prepare(model, EpisodeStore([dataset], CAMERAS, 32, 0.97))


def errors(folder: Path, dataset: Path) -> tuple[float, float, float]:
    """Mean squared errors three steps ahead: painted, decoded, and what was seen."""
    model = load_model(folder).world_model
    moments = moments_of(model, dataset)
    first = (moments.left >= 3).nonzero()[:, 0]
    z = before = moments.latents[first]
    for k in range(3):
        z = model.step(z, moments.actions[first + k])
    came, showed = (moments.frames[at].float() for at in (first + 3, first))
    seen = Seen(moments.frames[first], Latent(before))
    shown = model.decode(Latent(z), seen), model.decode(Latent(z)), showed
    return tuple(float((x.float() - came).square().mean()) for x in shown)


def test_it_shows_more_of_the_future_than_a_decoder_or_what_was_seen(settings, dataset):
    painted, decoded, stayed = errors(fit_repainter(settings), dataset)
    assert painted < 0.8 * stayed and painted < 0.5 * decoded


def test_all_else_of_the_model_stays_to_the_bit_and_it_says_where_it_comes_from(settings, folder):
    out = fit_repainter(replace(settings, updates=2))
    before, after = (load_file(f / "model.safetensors") for f in (folder, out))
    assert all(torch.equal(before[name], after[name]) for name in before)
    added = after.keys() - before.keys()
    assert added and all(name.startswith("repainter.") for name in added)
    provenance = read_config(out / "config.yaml").provenance
    assert provenance["updates"] == 7 and provenance["repainter"]["updates"] == 2


def test_the_same_seed_gives_the_same_one(settings, tmp_path):
    hashes = [
        load_model(
            fit_repainter(replace(settings, updates=2, out=tmp_path / name, seed=seed))
        ).sha256
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_it_can_be_fitted_again_and_handed_on(settings, dataset):
    out = fit_repainter(replace(settings, updates=2))
    again = fit_repainter(replace(settings, model=str(out), out=out))
    compacted = compact(CompactConfig(str(again), bits=8))
    painted, decoded, _ = errors(compacted, dataset)
    assert painted < 0.5 * decoded


def test_what_is_drawn_are_moments_and_what_came_of_them(model, dataset):
    moments = moments_of(model, dataset)
    frames = moments.frames.flatten(1, 2).float() / 255 - 0.5
    known = []  # latents imagined up to 4 steps ahead, and the moments they are of
    for first in range(len(frames)):
        z = moments.latents[first][None]
        for k in range(min(4, int(moments.left[first])) + 1):
            known.append((z[0], first, first + k))
            z = model.step(z, moments.actions[first + k][None])
    latents = torch.stack([z for z, *_ in known])
    pair = draw(model, moments, 64, 4, torch.Generator().manual_seed(0))
    for b in range(64):
        entry = int((latents - pair.imagined[b]).abs().amax(1).argmin())
        z, first, came = known[entry]
        torch.testing.assert_close(pair.imagined[b], z)
        torch.testing.assert_close(pair.before[b], moments.latents[first])
        torch.testing.assert_close(pair.seen[b], frames[first])
        torch.testing.assert_close(pair.wanted[b], frames[came])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_have_one(family):
    model = tiny(family, repaint=True)
    latent = model.example(2)
    size = model.config.image_size
    frames = torch.randint(256, (2, model.config.cameras, 3, size, size), dtype=torch.uint8)
    ahead = model.advance(latent, torch.ones(2, model.config.action_size))
    painted = model.decode(ahead, Seen(frames, latent))
    assert painted.shape == frames.shape and painted.dtype == torch.uint8
    assert not painted.equal(model.decode(ahead))
    model.repainter.paint.bias.data[-model.config.cameras :] = -100.0  # nothing is painted anew
    stays = model.decode(ahead, Seen(frames, latent))
    assert (stays.int() - frames.int()).abs().max() <= 1


@pytest.mark.filterwarnings("ignore")
def test_training_ends_with_it_and_training_that_goes_on_leaves_it_out(dataset, tmp_path):
    config = TrainConfig(
        data=(dataset,), out=tmp_path / "run", updates=2, batch_size=8, horizon=2, shift=1,
        network=TINY, repainter_updates=2,
    )  # fmt: skip
    out = train(config)
    assert load_model(out).world_model.repainter is not None
    on = train(replace(config, start=str(out), out=tmp_path / "on", repainter_updates=0))
    assert load_model(on).world_model.repainter is None


def test_settings_that_make_no_sense_are_named():
    with pytest.raises(UserError, match="horizon is 0, expected at least 1"):
        RepainterConfig(horizon=0)
    with pytest.raises(UserError, match=r"network.repaint is true.*set repainter_updates"):
        TrainConfig(network=replace(TINY, repaint=True))
