"""A file of weights: safetensors in float32, float16 or int8. Nothing is unpickled.

In int8, each block of weights that follow each other has a scale of its own, which is in the file
beside them (block-wise quantisation, Dettmers et al. 2021, arXiv:2110.02861, with linear levels).
Whatever is in the file, what is loaded is float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from wm_planner.errors import UserError

_MAX_HEADER = 2**20  # bytes of a weights file besides the weights
_STORED = ("F32", "F16", "I8")  # as safetensors calls them
_BLOCK = 256  # weights that share a scale
_FEW = 4096  # tensors with fewer weights (biases, norms) are float16 instead
_LEVELS = 127  # on each side of zero
_SCALES = ".scales"  # comes after the name of weights in int8


def write_weights(path: Path, weights: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """Write weights as float32, float16 or int8; the file appears whole or not at all."""
    values = {name: weight.detach().cpu() for name, weight in weights.items()}
    if dtype is torch.int8:
        stored = {k: v for name, weight in values.items() for k, v in _in_int8(name, weight)}
    else:
        stored = {name: weight.to(dtype).contiguous() for name, weight in values.items()}
    partial = path.with_name(f"{path.name}.partial")
    save_file(stored, partial)
    partial.replace(path)


def read_weights(path: Path, expected: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Weights of the expected names, shapes and type, which the header says before any is read."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; train a model with 'wm_planner train'")
    size, most = path.stat().st_size, float32_bytes(expected) + _MAX_HEADER
    if size > most:
        raise UserError(f"{path}: {size} bytes, config.yaml calls for {most} at most")
    try:
        with safe_open(path, framework="pt") as file:
            _check_header(path, file, expected)
            weights = {name: _read(file, name) for name in expected}
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from error
    for name, values in weights.items():
        if not values.isfinite().all():
            raise UserError(f"{path}: {name} holds NaN or infinity; train the model again")
    return weights


def float32_bytes(shapes: Mapping[str, torch.Size]) -> int:
    """Bytes that weights of these shapes take once they are loaded."""
    return 4 * sum(shape.numel() for shape in shapes.values())


def _in_int8(name: str, weight: Tensor) -> list[tuple[str, Tensor]]:
    if weight.numel() < _FEW:
        return [(name, weight.half().contiguous())]
    flat = weight.float().flatten()
    scales = torch.stack([block.abs().max() for block in flat.split(_BLOCK)]) / _LEVELS
    levels = (flat / _each(scales, flat).clamp_min(torch.finfo().tiny)).round()
    return [(name, levels.to(torch.int8).view(weight.shape)), (name + _SCALES, scales)]


def _read(file: Any, name: str) -> Tensor:
    values: Tensor = file.get_tensor(name)
    if values.dtype is not torch.int8:
        return values.float()
    flat = values.flatten().float()
    return (flat * _each(file.get_tensor(name + _SCALES), flat)).view(values.shape)


def _each(scales: Tensor, flat: Tensor) -> Tensor:
    """The scale of each weight."""
    return scales.repeat_interleave(_BLOCK)[: len(flat)]


def _check_header(path: Path, file: Any, expected: Mapping[str, torch.Size]) -> None:
    found = set(file.keys())
    if missing := sorted(expected.keys() - found):
        raise UserError(f"{path}: lacks {missing[:3]}, which config.yaml calls for")
    of_type = {name: file.get_slice(name).get_dtype() for name in expected}
    if wrong := sorted(name for name, stored in of_type.items() if stored not in _STORED):
        raise UserError(
            f"{path}: {wrong[0]} is of type {of_type[wrong[0]]}, expected {', '.join(_STORED)}"
        )
    scales = {
        name + _SCALES: (-(-shape.numel() // _BLOCK),)
        for name, shape in expected.items()
        if of_type[name] == "I8"
    }
    if missing := sorted(scales.keys() - found):
        raise UserError(f"{path}: lacks {missing[:3]}, the scales of weights in int8")
    if unknown := sorted(found - expected.keys() - scales.keys()):
        raise UserError(f"{path}: holds {unknown[:3]}, which config.yaml does not know")
    for name, shape in {**expected, **scales}.items():
        if (there := tuple(file.get_slice(name).get_shape())) != tuple(shape):
            raise UserError(
                f"{path}: {name} has shape {there}, expected {tuple(shape)} from config.yaml; the "
                "two files are not of one model"
            )
    for name in scales:
        if (stored := file.get_slice(name).get_dtype()) != "F32":
            raise UserError(f"{path}: {name} is of type {stored}, expected F32")
