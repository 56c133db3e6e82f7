"""Whoever is imitated is late: switches are thrown when it was meant, and all else stays."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.heads import fit_heads
from wm_planner.learning.heads_config import HeadsConfig
from wm_planner.learning.reaction import meant
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train_config import TrainConfig
from wm_planner.types import Latent, Observation
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model

CAMERAS = ("front", "wrist")
DWELL = 12  # steps that the hand rests where it should close, open until the last one


def test_switches_are_thrown_earlier_within_an_episode():
    motion = torch.arange(8.0)
    switch = torch.tensor([1, 1, -1, -1, 1, 1, 1, -1.0])
    actions = torch.stack([motion, switch], 1)
    found = meant(actions, [slice(0, 4), slice(4, 8)], (1,), 2)
    assert torch.equal(found[:, 0], motion)
    assert found[:, 1].tolist() == [-1, -1, -1, -1, 1, -1, -1, -1]
    assert torch.equal(actions[:, 1], switch), "what was done stays what it was"


def test_nothing_changes_for_whoever_is_in_time_and_without_switches():
    actions = torch.randn(5, 3)
    assert meant(actions, [slice(0, 5)], (2,), 0) is actions
    assert meant(actions, [slice(0, 5)], (), 2) is actions


def test_a_planner_was_not_late(tmp_path):
    shown = write_dataset(tmp_path / "shown.hdf5", [dwelling(0)])
    tried = write_dataset(tmp_path / "tried.hdf5", [dwelling(1)])
    with h5py.File(tried, "r+") as file:
        file["data"].attrs["env_args"] = json.dumps({"demonstrator": "planner"})
    store = EpisodeStore([shown, tried], CAMERAS, 32, 0.97, privileged=False, switches=(3,))
    closed = store.imitated(reaction=2, switches=(3,))[:, 3] < 0
    assert closed.nonzero()[:, 0].tolist() == [*range(DWELL - 3, DWELL), 2 * DWELL - 1]


def dwelling(seed: int):
    """An episode in which all looks the same until the hand closes."""
    episode = toy_episode(seed, DWELL)
    frames = {name: np.repeat(shown[:1], DWELL, 0) for name, shown in episode.frames.items()}
    proprio = np.repeat(episode.proprio[:1], DWELL, 0)
    actions = np.zeros_like(episode.actions)
    actions[:, 3] = 1.0
    actions[-1, 3] = -1.0
    return episode._replace(
        frames=frames,
        proprio=proprio,
        actions=actions,
        expert_actions=np.full_like(actions, np.nan),
        rewards=np.zeros_like(episode.rewards),  # else the last moments would count most
        success=False,
    )


@pytest.mark.parametrize(("reaction", "closes"), [(0, False), (8, True)])
def test_a_hand_that_rested_before_it_closed_is_closed(reaction, closes, tmp_path):
    """One moment looks like the other: most of them show the hand open, unless it was late."""
    model = tiny("td_latent", landmark_size=8)
    save_model(
        tmp_path / "model", model, ModelConfig("grasp", "panda", CAMERAS, 10.0, model.config)
    )
    data = write_dataset(tmp_path / "toy.hdf5", [dwelling(seed) for seed in range(6)])
    config = HeadsConfig(
        model=str(tmp_path / "model"), data=(data,), out=tmp_path / "fitted", only=("prior",),
        updates=150, reaction=reaction, batch_size=32, horizon=0, dreamt=0.0, held_out=0.0,
        learning_rate=0.01,
    )  # fmt: skip
    fitted = load_model(fit_heads(config))
    told = read_config(tmp_path / "fitted" / "config.yaml").provenance["prior"]
    assert told.get("reaction", 0) == reaction
    store = EpisodeStore([data], CAMERAS, 32, 0.97, privileged=False, switches=(3,))
    rests = torch.from_numpy(store.starts)
    seen = Observation(store.images[rests], store.proprio[rests])
    latent = Latent(fitted.world_model.encode(seen).z)
    switch = fitted.world_model.prior.at(latent.z).mean[:, 3]
    assert bool((switch < 0).all()) == closes and bool((switch > 0).all()) != closes
    before, after = (
        load_file(x / "model.safetensors") for x in (tmp_path / "model", Path(config.out))
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("prior.") for name in changed)


@pytest.mark.parametrize("kind", [HeadsConfig, partial(TrainConfig, prior_updates=1)])
@pytest.mark.parametrize("reaction", [-1, 11])
def test_a_reaction_that_no_person_has_is_refused(reaction, kind):
    with pytest.raises(UserError, match=f"reaction is {reaction}, expected control steps from 0"):
        kind(reaction=reaction)


def test_a_reaction_that_nothing_heeds_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match=r"no action prior is fitted with it: name prior in only"):
        HeadsConfig(reaction=2, only=("value",))
    with pytest.raises(UserError, match=r"no action prior is fitted with it: set prior_updates"):
        TrainConfig(reaction=2)
