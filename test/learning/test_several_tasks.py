"""Several tasks in one model: their words, what goes on from a model, and what is named."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from tiny_families import tiny_config
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.compact import CompactConfig, compact
from wm_planner.learning.episodes import Episode
from wm_planner.learning.rounds import train
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train_config import TrainConfig, train_config
from wm_planner.types import Observation
from wm_planner.world_models.store import LoadedModel, load_model
from wm_planner.world_models.words import tokens

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers

WORDS = replace(TINY, instruction_size=8)


def dataset(path: Path, task: str, *instructions: str, steps: int = 12) -> Path:
    """An episode with each instruction, as `collect` writes it."""
    episodes = [
        toy_episode(2 * i, steps)._replace(instruction=text) for i, text in enumerate(instructions)
    ]
    write_dataset(path, episodes)
    with h5py.File(path, "a") as file:
        file["data"].attrs["env_args"] = json.dumps({"env_name": task})
    return path


@pytest.fixture
def grasp(tmp_path: Path) -> Path:
    return dataset(tmp_path / "grasp.hdf5", "grasp", *["lift the red cube"] * 3)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Of other words, of episodes of another length."""
    texts = ["put the red cube on the blue cube"] * 3
    return dataset(tmp_path / "stack.hdf5", "stack", *texts, steps=20)


def settings(out: Path, *data: Path, **changes) -> TrainConfig:
    base = TrainConfig(out=out, updates=2, batch_size=4, horizon=2, shift=1, network=WORDS)
    return replace(base, data=data, **changes)


def weights(model: LoadedModel) -> dict[str, torch.Tensor]:
    return model.world_model.state_dict()


def test_a_model_of_two_tasks_says_which_and_knows_their_words(grasp, stack, tmp_path):
    model = load_model(train(settings(tmp_path / "run", grasp, stack)))
    assert model.config.task == "grasp" and model.config.tasks == ("grasp", "stack")
    assert model.config.network.vocabulary == tuple(
        ["blue", "cube", "lift", "on", "put", "red", "the"]
    )
    assert model.config.network.landmark_size == 8, "keyframes are of one size in all tasks"


def test_a_model_of_one_task_says_nothing_new(grasp, tmp_path):
    model = load_model(train(settings(tmp_path / "run", grasp, network=TINY)))
    assert model.config.tasks == ("grasp",) and "tasks" not in model.config.provenance
    assert model.config.network.vocabulary == ()


def test_a_sequence_comes_with_its_own_episodes_instruction(tmp_path):
    texts = ("lift the red cube", "lift the blue cube please")
    path = dataset(tmp_path / "two.hdf5", "grasp", *texts)
    store = EpisodeStore([path], ("front", "wrist"), 32, 0.9)
    words = ("blue", "cube", "lift", "please", "red", "the")
    (batch,) = islice(store.batches(2, 16, 0, 0.0, seed=0, vocabulary=words), 1)
    assert batch.instruction.shape == (16, 5) and batch.told.shape == (16, 1, 5)
    for proprio, told in zip(batch.proprio, batch.instruction, strict=True):
        begin = (store.proprio == proprio[0]).all(-1).nonzero()[0, 0].item()
        own = store.told(slice(begin, begin + 1), words)[0]
        assert torch.equal(told[: len(own)], own) and not told[len(own) :].any()
    assert len(batch.instruction.unique(dim=0)) == 2
    (silent,) = islice(store.batches(2, 4, 0, 0.0, seed=0), 1)
    assert silent.instruction is None and silent.told is None


def test_episodes_that_do_not_say_what_was_to_be_done_are_counted(tmp_path):
    path = dataset(tmp_path / "silent.hdf5", "grasp", "lift the red cube", "", "")
    with pytest.raises(UserError, match=r"2 of 3 episodes do not say .* attribute `instruction`"):
        train(settings(tmp_path / "run", path))


def test_a_family_that_cannot_be_told_says_who_can():
    kind = train_config("jepa")
    with pytest.raises(UserError, match=r"jepa cannot be told .* another family: td_latent, rssm"):
        kind(network=tiny_config("jepa", instruction_size=8))


def test_without_words_a_model_that_goes_on_does_the_new_task_alone(grasp, stack, tmp_path):
    silent = settings(tmp_path / "first", grasp)
    silent = replace(silent, network=replace(silent.network, instruction_size=0, vocabulary=()))
    start = str(train(silent))
    more = replace(silent, out=tmp_path / "more", data=(stack,), task="stack", start=start)
    model = load_model(train(more))
    assert model.config.tasks == ("stack",) and model.config.provenance["before"]


def test_a_task_with_new_words_is_added_to_a_model(grasp, stack, tmp_path):
    first = load_model(train(settings(tmp_path / "first", grasp)))
    start = str(tmp_path / "first")
    more = settings(tmp_path / "more", grasp, stack, task="stack", start=start, updates=1)
    more = replace(more, loss=replace(more.loss, learning_rate=0.0))
    second = load_model(train(more))
    assert second.config.tasks == ("stack", "grasp")
    assert second.config.network.vocabulary == (
        *first.config.network.vocabulary,
        "blue",
        "on",
        "put",
    )
    assert second.config.provenance["before"]["data"] == ["grasp.hdf5"]
    old = weights(first)
    for name, new in weights(second).items():
        if not name.startswith("prior"):  # it was calibrated anew
            assert torch.equal(new[: len(old[name])], old[name]), name


def test_a_model_without_words_learns_some_and_is_the_same_at_first(grasp, stack, tmp_path):
    silent = load_model(train(settings(tmp_path / "silent", grasp, network=TINY)))
    start = str(tmp_path / "silent")
    told = settings(tmp_path / "told", grasp, stack, start=start, updates=1)
    told = load_model(train(replace(told, loss=replace(told.loss, learning_rate=0.0))))
    assert told.config.network == replace(
        silent.config.network, instruction_size=8, vocabulary=told.config.network.vocabulary
    )
    example = silent.world_model.example(2)
    assert torch.equal(told.world_model.example(2).z, example.z)


def test_a_compacted_model_goes_on_with_a_fresh_head_of_landmarks(grasp, tmp_path):
    train(settings(tmp_path / "first", grasp))
    start = compact(CompactConfig(str(tmp_path / "first"), bits=8))
    first = load_model(start)
    assert first.world_model.landmarks is None
    more = settings(tmp_path / "more", grasp, start=str(start), updates=1)
    second = load_model(train(replace(more, loss=replace(more.loss, learning_rate=0.0))))
    assert second.config.network.landmark_size == 8
    for name, old in weights(first).items():
        if not name.startswith("prior"):  # it was calibrated anew
            assert torch.equal(weights(second)[name], old), name


def test_what_cannot_go_on_is_named(grasp, tmp_path):
    train(settings(tmp_path / "first", grasp, network=TINY))
    start = str(tmp_path / "first")
    with pytest.raises(UserError, match="unknown model 'nowhere/at/all'"):
        train(settings(tmp_path / "x", grasp, start="nowhere/at/all"))
    with pytest.raises(UserError, match="a model of family td_latent, and family is rssm"):
        rssm = train_config("rssm")(
            data=(grasp,), out=tmp_path / "y", start=start, network=tiny_config("rssm"), horizon=4
        )
        train(rssm)


def test_tasks_of_several_landmarks_are_not_learned_with_privilege(tmp_path, grasp):
    episode = toy_episode(0)
    wide = episode._replace(landmarks=np.repeat(episode.landmarks, 2, axis=1))
    other = write_dataset(tmp_path / "wide.hdf5", [wide])
    with pytest.raises(UserError, match=r"landmarks has \[4, 8\] .* several tasks"):
        train(settings(tmp_path / "run", grasp, other, privileged=True))


@pytest.mark.slow
def test_what_is_done_follows_the_words(tmp_path):
    """The same pictures, and sentences that differ in one word: only that says what to do."""
    episodes = []
    for seed in range(12):
        actions = toy_episode(2 * seed).actions
        actions[:, 0] = 0.8 * (side := (-1, 1)[seed % 2])
        told = f"push the dot to the {_SIDE[side]}"
        episodes.append(toy_episode(2 * seed)._replace(actions=actions, instruction=told))
    path = write_dataset(tmp_path / "dots.hdf5", episodes, simulated=False)
    config = settings(tmp_path / "run", path, updates=200, batch_size=16, held_out=0.0)
    config = replace(config, loss=replace(config.loss, learning_rate=5e-3))
    model = load_model(train(config)).world_model
    images, proprio = (torch.from_numpy(x) for x in (_pictures(episodes[0]), episodes[0].proprio))
    for side, name in _SIDE.items():
        words = tokens([f"push the dot to the {name}"], model.config.vocabulary)
        latent = model.encode(Observation(images, proprio, words.expand(len(images), -1)))
        later = model.advance(latent, torch.from_numpy(episodes[(1 + side) // 2].actions))
        for z in (latent.z, later.z):  # imagining, it is not forgotten
            assert (model.prior.at(z).mean[:, 0] * side).mean() > 0.3, name


_SIDE = {-1: "left", 1: "right"}


def _pictures(episode: Episode) -> np.ndarray:
    """Frames (T, V, C, h, w)."""
    return np.stack([episode.frames[c] for c in ("front", "wrist")], 1).transpose(0, 1, 4, 2, 3)
