"""Training is in the precision that is asked for, or that is fastest here."""

from __future__ import annotations

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.fastest import Fastest
from wm_planner.learning import precision as module
from wm_planner.learning.precision import autocast, training_dtype
from wm_planner.learning.speed import updates_per_second
from wm_planner.learning.train_config import TrainConfig
from wm_planner.world_models.td_latent import TDLatentConfig

CPU = torch.device("cpu")
TINY = TDLatentConfig(image_size=32, latent_size=32, hidden_size=32, channels=(4, 8, 8, 8))


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_what_is_asked_for_is_used(monkeypatch, name):
    monkeypatch.setattr(module, "fastest", None)  # not to be called
    dtype = training_dtype(name, CPU)
    with autocast(dtype, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype == getattr(torch, name)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_auto_is_the_fastest(monkeypatch, name):
    monkeypatch.setattr(module, "fastest", lambda *_: Fastest(name, {name: 1.0}, {}))
    assert training_dtype("auto", CPU) == getattr(torch, name)


def test_measuring_draws_no_random_numbers(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert training_dtype("auto", CPU) in (torch.float32, torch.bfloat16)
    assert torch.rand(1) == expected


def test_an_unknown_precision_is_refused_with_those_there_are():
    with pytest.raises(UserError, match="'float16', expected one of auto, float32, bfloat16"):
        TrainConfig(precision="float16")


def test_updates_are_counted():
    assert updates_per_second(TINY, torch.float32, CPU) > 0.1
