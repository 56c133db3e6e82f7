"""Weights in fewer bits: how far they are off, and files of which something is wrong."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from wm_planner.errors import UserError
from wm_planner.world_models.weights_file import read_weights, write_weights

BLOCK = 256


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    """Blocks of very different sizes, a last one that is not full, one of zeros; and a bias."""
    generator = torch.Generator().manual_seed(0)
    blocks = torch.randn(20, BLOCK, generator=generator) * torch.logspace(-12, 12, 20)[:, None]
    blocks[3] = 0
    return {"matrix": blocks.flatten()[:-120].view(25, 200), "bias": torch.randn(7)}


def read(path, weights):
    return read_weights(path, {name: weight.shape for name, weight in weights.items()})


def spoil(path, name, value):
    there = load_file(path)
    there.pop(name, None)
    save_file({**there, **({} if value is None else {name: value})}, path)


def test_int8_is_off_by_half_a_level_of_its_block_at_most(weights, tmp_path):
    path = tmp_path / "w.safetensors"
    write_weights(path, weights, torch.int8)
    found = read(path, weights)
    assert found["bias"].equal(weights["bias"].half().float()), "few weights are float16"
    assert found["matrix"].dtype == torch.float32
    blocks = (values["matrix"].flatten().split(BLOCK) for values in (found, weights))
    for now, before in zip(*blocks, strict=True):
        assert (now - before).abs().max() <= before.abs().max() / 254 * 1.0001


def test_what_is_int8_already_is_written_again_to_the_bit(weights, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    write_weights(first, weights, torch.int8)
    once = read(first, weights)
    write_weights(second, once, torch.int8)
    again = read(second, weights)
    assert all(again[name].equal(once[name]) for name in weights)


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [(torch.float32, 4), (torch.float16, 2), (torch.int8, 1)]
)
def test_a_file_is_as_large_as_its_bits(dtype, bytes_each, tmp_path):
    path, many = tmp_path / "w.safetensors", {"matrix": torch.randn(1000, 1000)}
    write_weights(path, many, dtype)
    assert path.stat().st_size == pytest.approx(1e6 * bytes_each, rel=0.02)
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("matrix.scales", None, r"lacks \['matrix\.scales'\], the scales of weights in int8"),
        ("matrix.scales", torch.ones(19), r"matrix\.scales has shape \(19,\), expected \(20,\)"),
        ("matrix.scales", torch.full((20,), torch.nan), "matrix holds NaN or infinity"),
        ("matrix.scales", torch.ones(20).double(), r"matrix\.scales is of type F64, expected F32"),
        ("bias.scales", torch.ones(1), r"holds \['bias\.scales'\], which config\.yaml does not"),
        ("matrix", torch.ones(25, 200).to(torch.uint8), r"matrix is of type U8, expected F32, F16"),
    ],
)
def test_what_does_not_fit_is_named(name, value, message, weights, tmp_path):
    path = tmp_path / "w.safetensors"
    write_weights(path, weights, torch.int8)
    spoil(path, name, value)
    with pytest.raises(UserError, match=message):
        read(path, weights)
