"""A tiny world model with random weights, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wm_planner.world_models.store import ModelConfig, save_model
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

TINY = TDLatentConfig(image_size=32, latent_size=16, hidden_size=16, channels=(4, 4, 8, 8))


@pytest.fixture
def model() -> TDLatent:
    torch.manual_seed(0)
    return TDLatent(TINY).eval().requires_grad_(False)


@pytest.fixture
def model_folder(model: TDLatent, tmp_path: Path) -> Path:
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, TINY, {"git": "abc"})
    save_model(tmp_path / "model", model, config)
    return tmp_path / "model"
