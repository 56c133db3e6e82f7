"""Larger pictures of a model that generates video: the same latents, in more detail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from torch import Tensor
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.enlarge import EnlargeConfig, enlarge
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.types import Latent, Observation
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model

CAMERAS = ("front", "wrist")
FAMILIES = ("flow", "tokens")


def saved(model: LatentModel, folder: Path) -> Path:
    save_model(folder, model, ModelConfig("grasp", "panda", CAMERAS, 10.0, model.config, {}))
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    episodes = [toy_episode(seed, size=64) for seed in range(4)]
    return write_dataset(tmp_path / "large.hdf5", episodes)


@pytest.fixture(params=FAMILIES)
def settings(request, dataset, tmp_path: Path) -> EnlargeConfig:
    folder = saved(tiny(request.param), tmp_path / "model")
    return EnlargeConfig(
        str(folder), (dataset,), tmp_path / "larger", updates=60, batch_size=8, image_size=64,
        channels=8, precision="float32",
    )  # fmt: skip


def seen(folder: Path, dataset: Path) -> tuple[LatentModel, EpisodeStore, Tensor]:
    """A model, all frames in its size, and their latents."""
    model = load_model(folder).world_model
    store = EpisodeStore([dataset], CAMERAS, model.config.image_size, 0.97)
    return model, store, model.encode(Observation(store.images, store.proprio)).z


def test_frames_of_the_size_before_get_the_latents_that_they_had(settings, tmp_path):
    data = write_dataset(tmp_path / "small.hdf5", [toy_episode(0)])
    _, _, before = seen(Path(settings.model), data)
    _, store, after = seen(enlarge(replace(settings, updates=1)), data)
    assert store.recorded_size == 32 and store.images.shape[-1] == 64
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [64, 128])
def test_large_frames_get_the_latents_of_small_ones_with_nothing_learned(size, settings, tmp_path):
    episodes = [toy_episode(seed, size=size) for seed in range(2)]
    data = write_dataset(tmp_path / "frames.hdf5", episodes)
    _, _, wanted = seen(Path(settings.model), data)
    larger = enlarge(replace(settings, image_size=size, data=(data,), updates=1))
    _, store, z = seen(larger, data)
    assert store.images.shape[-1] == size
    torch.testing.assert_close(z, wanted, atol=2e-3, rtol=0)
    assert float(wanted.std(0).max()) > 0.02


def test_large_frames_are_drawn(settings, dataset):
    errors = []
    for updates in (1, settings.updates):
        model, store, z = seen(enlarge(replace(settings, updates=updates)), dataset)
        shown = model.decode(Latent(z))
        assert shown.shape == store.images.shape
        errors.append(float((shown.float() - store.images.float()).square().mean()))
    assert errors[1] < 0.2 * errors[0]


def test_what_is_imagined_and_planned_from_a_latent_stays_to_the_bit(settings, dataset):
    folder = enlarge(replace(settings, updates=2))
    before, after = (load_file(Path(f) / "model.safetensors") for f in (settings.model, folder))
    kept = [name for name in before if not name.startswith("decoder.")]
    assert kept and all(torch.equal(before[name], after[name]) for name in kept)
    small, large = (load_model(Path(f)).world_model for f in (settings.model, folder))
    latent = small.example(2)
    actions = torch.rand(2, 3, 2, small.config.action_size)
    futures = zip(small.rollout(latent, actions), large.rollout(latent, actions), strict=True)
    assert all(torch.equal(*both) for both in futures)
    assert read_config(folder / "config.yaml").provenance["enlarged"]["updates"] == 2


def test_it_draws_on_with_the_layers_that_there_are(settings):
    small = load_model(Path(settings.model)).world_model
    large = load_model(enlarge(replace(settings, updates=1, learning_rate=1e-9))).world_model
    assert len(large.tokenizer.refine) == len(small.tokenizer.refine) + 1
    for mine, its in zip(large.tokenizer.refine, small.tokenizer.refine, strict=False):
        for weights in zip(mine.parameters(), its.parameters(), strict=True):
            torch.testing.assert_close(*weights, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image_size": 32}, "image_size is 32, and the pictures of .* have 32 pixels"),
        ({"image_size": 96}, "image_size 96 must be 32, 64 or 128"),
        ({"channels": 5}, "channels is 5, expected at least 6"),
    ],
)
def test_sizes_that_make_no_sense_are_named(changes, problem, settings):
    with pytest.raises(UserError, match=problem):
        enlarge(replace(settings, **changes))


def test_a_model_that_generates_no_video_is_refused(model, dataset, tmp_path):
    folder = saved(model, tmp_path / "latent")
    assert model.config is TINY
    with pytest.raises(UserError, match="generates no video"):
        enlarge(EnlargeConfig(str(folder), (dataset,)))


def test_frames_that_are_too_small_are_named(settings, tmp_path):
    data = write_dataset(tmp_path / "small.hdf5", [toy_episode(0)])
    with pytest.raises(UserError, match="has frames of 32 pixels, and image_size is 64"):
        enlarge(replace(settings, data=(data,)))
