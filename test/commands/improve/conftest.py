"""A tiny model that was trained on toy episodes, and how it is improved in seconds."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from tiny_model import SEARCH
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.commands.improve.config import ImproveConfig
from wm_planner.learning.rounds import train
from wm_planner.learning.train_config import TrainConfig


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> ImproveConfig:
    """Two rounds of two tries of three steps."""
    folder = tmp_path_factory.mktemp("old")
    episodes = [toy_episode(seed, labelled=False) for seed in range(4)]
    data = write_dataset(folder / "d.hdf5", episodes, simulated=False)
    train(
        TrainConfig(
            data=(data,), out=folder / "old", updates=2, prior_updates=3, batch_size=4, network=TINY
        )
    )
    return ImproveConfig(
        model=str(folder / "old"), data=(data,), trials=4, rounds=2, updates=2, held_out=10,
        time_limit=0.3, batch_size=4, workers=1, out=folder / "improved",
        search=replace(SEARCH, backend="eager"),
    )  # fmt: skip
