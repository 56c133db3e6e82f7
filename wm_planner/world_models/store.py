"""Trained models on disk: model.safetensors, config.yaml and a model card. Nothing is unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_text, read_yaml, write_yaml
from wm_planner.world_models.families import family_of, find_family
from wm_planner.world_models.family import Family
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.model_config import ModelConfig
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.weights_file import float32_bytes, read_weights, write_weights

_FORMAT = 6  # before: 1 several families; 2 key points; 3 words; 4 repainters; 5 priors that forget
_NEW: dict[int, dict[str, Any]] = {
    1: {"success": False, "unfelt": False},
    2: {"key_points": 0},
    3: {"instruction_size": 0, "vocabulary": []},
    4: {"repaint": False},
    5: {"prior_recalls": True},
}
"""What networks up to a format lack, if their family has it, as it was then."""
_MAX_BYTES = 2**30  # of the weights that a configuration calls for
_MAX_CARD = 2**20  # bytes


class LoadedModel(NamedTuple):
    """A model ready to use."""

    world_model: LatentModel
    config: ModelConfig
    sha256: str  # of the weights file
    directory: Path  # where it came from; other files may be there


def check_device(device: str) -> torch.device:
    """The torch device; asking for CUDA where there is none is a UserError."""
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device '{device}': expected cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device '{device}': this machine has no usable CUDA; use device cpu")
    return chosen


def channels_last(world_model: nn.Module) -> None:
    """Lay convolution weights out as the processor wants them: many times faster in bf16."""
    for parameter in world_model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def save_model(
    directory: Path,
    world_model: LatentModel,
    config: ModelConfig,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write weights and configuration; each file appears whole or not at all.

    In float16 the weights take half the space, in int8 a quarter, and are rounded.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_weights(directory / "model.safetensors", world_model.state_dict(), dtype)
    write_config(directory, config)


def write_config(directory: Path, config: ModelConfig) -> None:
    """Write a model's config.yaml, whole or not at all."""
    family = family_of(config.network).name
    values = {"family": family, "format": _FORMAT, **asdict(config)}
    write_yaml(directory / "config.yaml", values)


def load_model(directory: Path, device: str = "cpu") -> LoadedModel:
    """Load and check a model; whatever is wrong with it is a UserError that says so."""
    target = check_device(device)
    form, config = _read_config(directory / "config.yaml")
    family = family_of(config.network)
    weights_file = directory / "model.safetensors"
    shapes = _expected_shapes(directory, family, config.network)
    renamed = family.renamed if form == 1 else {}
    stored = {_stored_name(name, renamed): name for name in shapes}
    weights = read_weights(weights_file, {old: shapes[name] for old, name in stored.items()})
    world_model = family.build(config.network)
    world_model.load_state_dict({stored[old]: weight for old, weight in weights.items()})
    world_model.to(target)
    channels_last(world_model)
    world_model.eval().requires_grad_(False)
    sha256 = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    return LoadedModel(world_model, config, sha256, directory)


def read_config(path: Path) -> ModelConfig:
    """Read config.yaml; unknown and missing keys are named."""
    return _read_config(path)[1]


def _read_config(path: Path) -> tuple[int, ModelConfig]:
    """The format a model was written in, and its configuration as of now."""
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; a model is a folder with config.yaml and model.safetensors"
        )
    values = read_yaml(path)
    try:
        family = find_family(values.pop("family", None))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    form = values.pop("format", 1)
    if type(form) is not int or not 1 <= form <= _FORMAT:
        raise UserError(
            f"{path}: format is {form!r}, this version reads 1 to {_FORMAT}; update wm_planner"
        )
    _check_keys(path, values, ModelConfig)
    known = {f.name for f in fields(family.config)}
    for before, lacking in _NEW.items():
        if form <= before and isinstance(values["network"], dict):
            then = {k: v for k, v in lacking.items() if k in known}
            values["network"] = {**then, **values["network"]}
    _check_keys(path, values["network"], family.config)
    try:
        network = family.config(**_tuples(values.pop("network")))
        return form, ModelConfig(network=network, **_tuples(values))
    except (TypeError, ValueError, UserError) as error:
        raise UserError(f"{path}: {error}") from error


def read_card(directory: Path) -> str:
    """The model card, as far as it is text of reasonable size; empty if there is none."""
    card = directory / "README.md"
    return read_text(card, _MAX_CARD) if card.is_file() else ""


def _stored_name(name: str, renamed: Mapping[str, str]) -> str:
    """How a weight is called in a file where prefixes were others: `renamed` has now: then."""
    for now, then in renamed.items():
        if name.startswith(now):
            return then + name.removeprefix(now)
    return name


def _expected_shapes(
    directory: Path, family: Family, network: NetworkConfig
) -> dict[str, torch.Size]:
    """Shapes of the weights that a configuration calls for, with nothing allocated for them."""
    with torch.device("meta"):
        expected = {k: v.shape for k, v in family.build(network).state_dict().items()}
    if (size := float32_bytes(expected)) > _MAX_BYTES:
        raise UserError(
            f"{directory / 'config.yaml'}: its networks have {size} bytes of weights, at most "
            f"{_MAX_BYTES} are loaded; train a smaller model"
        )
    return expected


def _check_keys(path: Path, values: Any, cls: type) -> None:
    known = {f.name for f in fields(cls)}
    if not isinstance(values, dict) or values.keys() != known:
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise UserError(f"{path}: {cls.__name__} has keys {found}, expected {sorted(known)}")


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
