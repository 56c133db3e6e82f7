"""Datasets of toy episodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_episodes import toy_episode, write_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four labelled toy episodes."""
    return write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed) for seed in range(4)])
