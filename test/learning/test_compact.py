"""A compacted model is smaller, rounded, without landmarks, and otherwise the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_families import tiny

from wm_planner.errors import UserError
from wm_planner.learning.compact import CompactConfig, compact
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.store import ModelConfig, load_model, save_model


def saved(folder, family, scale=1.0):
    model = tiny(family)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    save_model(folder, model, ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config))
    return folder


@pytest.mark.parametrize(("bits", "dtype"), [(16, "float16"), (8, "int8")])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_rounded_and_loaded_as_float32(family, bits, dtype, tmp_path):
    source = saved(tmp_path / "model", family)
    out = compact(CompactConfig(str(source), bits=bits))
    assert out == tmp_path / "model_compact"
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (source, out)]
    assert sizes[1] < 0.6 * sizes[0]
    before, after = (load_model(folder) for folder in (source, out))
    assert after.config.provenance["weights"] == dtype
    assert after.config.network == replace(before.config.network, landmark_size=0)
    whole = before.world_model.state_dict()
    for name, weight in after.world_model.state_dict().items():
        assert weight.dtype == torch.float32
        off = (weight - whole[name]).abs().max()
        assert off <= whole[name].abs().max() / (254 if bits == 8 else 2**11), name


def test_bits_that_there_are_not_are_refused():
    with pytest.raises(UserError, match="bits is 4, expected 16 or 8"):
        CompactConfig(bits=4)


def test_a_model_takes_its_own_place(tmp_path):
    source = saved(tmp_path / "model", "flow")
    assert compact(CompactConfig(str(source), source)) == source
    assert load_model(source).config.provenance["weights"] == "float16"


def test_what_float16_cannot_hold_is_refused(tmp_path):
    source = saved(tmp_path / "model", "td_latent", scale=1e9)
    with pytest.raises(UserError, match=r"holds .*, float16 ends at 65504; leave the model"):
        compact(CompactConfig(str(source)))
    assert not (tmp_path / "model_compact").exists()
