"""A policy towards goal pictures, fitted anew: tiny models, toy episodes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from toy_episodes import toy_episode, write_dataset

from wm_planner.learning.goal_prior import draw, find_ways
from wm_planner.learning.heads import fit_heads
from wm_planner.learning.heads_config import HeadsConfig
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.head_losses import imitation
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model

CAMERAS = ("front", "wrist")


@pytest.fixture
def data(tmp_path) -> Path:
    return write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed) for seed in range(6)])


@pytest.fixture
def folder(tmp_path) -> Path:
    model = tiny("jepa")
    save_model(tmp_path / "jepa", model, ModelConfig("grasp", "panda", CAMERAS, 10.0, model.config))
    return tmp_path / "jepa"


def ways(folder: Path, data: Path, held_out: float = 0.0):
    model = load_model(folder).world_model
    return model, find_ways(model, EpisodeStore([data], CAMERAS, 32, 0.97, held_out=held_out))


def error(folder: Path, data: Path) -> float:
    model, found = ways(folder, data)
    drawn = draw(found, 512, torch.Generator().manual_seed(1))
    prior = model.prior_at(drawn.latents, drawn.goals)
    return float(imitation(prior, model.prior.is_switch, drawn.actions).mean())


def test_it_learns_what_led_to_goals_and_all_else_stays_to_the_bit(folder, data, tmp_path):
    config = HeadsConfig(
        str(folder), (data,), tmp_path / "out", updates=60, batch_size=64, learning_rate=0.01
    )
    out = fit_heads(config)
    before, after = (load_file(f / "model.safetensors") for f in (folder, out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("policy.") for name in changed)
    assert error(out, data) < 0.8 * error(folder, data)
    assert read_config(out / "config.yaml").provenance["prior"]["updates"] == 60


def test_goals_are_later_frames_of_the_same_episode(folder, data):
    _, found = ways(folder, data)
    numbered = torch.arange(len(found.latents)).float()[:, None]
    marked = found._replace(latents=numbered, one_camera=numbered)
    drawn = draw(marked, 4096, torch.Generator().manual_seed(0))
    state, goal = drawn.latents[:, 0].long(), drawn.goals[:, 0].long()
    last = dict(zip(found.at.tolist(), found.last.tolist(), strict=True))
    assert all(a < g <= last[a] for a, g in zip(state.tolist(), goal.tolist(), strict=True))
    assert set(state.tolist()) == set(found.at.tolist())
    assert torch.equal(drawn.actions, found.actions[state])


def test_some_goals_are_as_the_first_camera_alone_saw_them(folder, data):
    model, found = ways(folder, data)
    first, other = model.goal_features(found.latents - found.one_camera).chunk(2, -1)
    assert not first.any() and other.abs().sum(-1).gt(0).all()
    zeros = found._replace(latents=found.latents * 0)
    drawn = draw(zeros, 4096, torch.Generator().manual_seed(0))
    share = drawn.goals.abs().sum(-1).gt(0).float().mean()
    assert 0.17 < share < 0.23


def test_held_out_episodes_teach_nothing(folder, data):
    _, every = ways(folder, data)
    _, kept = ways(folder, data, held_out=0.34)
    assert len(kept.latents) == len(every.latents) * 4 // 6
