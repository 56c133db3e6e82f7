"""Datasets of toy episodes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.td_latent import FAMILY


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four labelled toy episodes."""
    return write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed) for seed in range(4)])


@pytest.fixture
def store(tmp_path: Path) -> EpisodeStore:
    """Twenty toy episodes that worked, of which five are held out, read without privilege."""
    data = write_dataset(tmp_path / "d.hdf5", [toy_episode(seed) for seed in range(0, 40, 2)])
    return EpisodeStore([data], ("front", "wrist"), 32, 0.9, privileged=False, held_out=0.25)


@pytest.fixture
def model() -> LatentModel:
    """A tiny one with random weights."""
    torch.manual_seed(0)
    return FAMILY.build(TINY)
