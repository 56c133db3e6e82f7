"""Larger pictures of a model that generates video: the same latents, in more detail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.enlarge import EnlargeConfig, enlarge
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.types import Observation
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
        str(folder), (dataset,), tmp_path / "larger", updates=120, batch_size=8, image_size=64,
        channels=8, precision="float32",
    )  # fmt: skip


def errors(small: Path, large: Path, dataset: Path) -> tuple[float, float]:
    """Mean squared errors of the larger model: latents beside the smaller one's, and pictures."""
    latents = []
    for folder in (small, large):
        model = load_model(folder).world_model
        store = EpisodeStore([dataset], CAMERAS, model.config.image_size, 0.97)
        latents.append(model.encode(Observation(store.images, store.proprio)))
    shown = model.decode(latents[0])
    assert shown.shape == store.images.shape
    off = (latents[1].z - latents[0].z, shown.float() - store.images.float())
    return tuple(float(x.square().mean()) for x in off)


def test_large_frames_get_the_latents_of_small_ones_and_are_drawn_large(settings, dataset):
    small = Path(settings.model)
    begun = errors(small, enlarge(replace(settings, updates=1)), dataset)
    latents, pictures = errors(small, enlarge(settings), dataset)
    assert latents < 0.1 * begun[0] and pictures < 0.2 * begun[1]


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


def test_it_goes_on_from_the_layers_that_there_are(settings):
    small = load_model(Path(settings.model)).world_model
    folder = enlarge(replace(settings, updates=1, learning_rate=1e-9))
    large = load_model(folder).world_model
    pairs = list(zip(large.tokenizer.refine, small.tokenizer.refine, strict=False))
    pairs += zip(list(large.tokenizer.down)[::-1], list(small.tokenizer.down)[:1:-1], strict=False)
    assert len(large.tokenizer.refine) == len(small.tokenizer.refine) + 1
    weights = [tuple(layer.parameters()) for layer in sum(pairs, ())]
    assert sum(map(len, weights)) > 16
    for mine, its in zip(weights[::2], weights[1::2], strict=True):
        torch.testing.assert_close(mine, its, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image_size": 32}, "image_size is 32, and the pictures of .* have 32 pixels"),
        ({"image_size": 96}, "image_size 96 must be 32, 64 or 128"),
        ({"channels": 0}, "channels .* must be four whole numbers from 1"),
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
