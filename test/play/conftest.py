"""A dream of a tiny world model with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wm_planner.play.dream import Dream
from wm_planner.world_models.store import LoadedModel, ModelConfig
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

TINY = TDLatentConfig(image_size=32, latent_size=32, hidden_size=16, channels=(4, 4, 8, 8))


@pytest.fixture(scope="session")
def loaded() -> LoadedModel:
    torch.manual_seed(0)
    model = TDLatent(TINY).eval().requires_grad_(False)
    return LoadedModel(
        model, ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, TINY), "", Path("nowhere")
    )


@pytest.fixture(scope="session")
def _dream(loaded):
    dream = Dream(loaded)
    yield dream
    dream.close()


@pytest.fixture
def dream(_dream) -> Dream:
    _dream.reset(1)
    return _dream
