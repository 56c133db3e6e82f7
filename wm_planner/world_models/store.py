"""Trained models on disk: model.safetensors, config.yaml and a model card. Nothing is unpickled."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from wm_planner.errors import UserError
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

_FAMILY = "td_latent"
_MAX_BYTES = 2**30  # of a weights file; larger ones are refused before they are read


@dataclass(frozen=True)
class ModelConfig:
    """What a model was trained for, and what it needs at run time.

    Attributes:
        task: name of the task.
        robot: name of the robot in config/robots.
        cameras: names of the cameras, in the network's order.
        control_rate_hz: actions per second.
        network: shapes of the networks.
        provenance: where it came from: data, seed, updates, git revision.
    """

    task: str
    robot: str
    cameras: tuple[str, ...]
    control_rate_hz: float
    network: TDLatentConfig
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.cameras) != self.network.cameras:
            raise UserError(
                f"model config: cameras {list(self.cameras)}, expected {self.network.cameras} names"
            )
        if not isinstance(self.control_rate_hz, int | float) or not self.control_rate_hz > 0:
            raise UserError(
                f"model config: control_rate_hz {self.control_rate_hz!r}, expected a number above 0"
            )

    @property
    def image_size(self) -> int:
        return self.network.image_size

    @property
    def proprio_size(self) -> int:
        return self.network.proprio_size

    @property
    def action_size(self) -> int:
        return self.network.action_size


class LoadedModel(NamedTuple):
    """A model ready to use."""

    world_model: TDLatent
    config: ModelConfig
    sha256: str  # of the weights file


def check_device(device: str) -> torch.device:
    """The torch device; asking for CUDA where there is none is a UserError."""
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device '{device}': expected cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device '{device}': this machine has no usable CUDA; use device cpu")
    return chosen


def channels_last(world_model: TDLatent) -> None:
    """Lay convolution weights out as the processor wants them: many times faster in bf16."""
    for parameter in world_model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def save_model(directory: Path, world_model: TDLatent, config: ModelConfig) -> None:
    """Write weights and configuration; each file appears whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {
        k: v.detach().cpu().float().contiguous() for k, v in world_model.state_dict().items()
    }
    partial = directory / "model.safetensors.partial"
    save_file(weights, partial)
    partial.replace(directory / "model.safetensors")
    values = {"family": _FAMILY, **asdict(config)}
    text = yaml.safe_dump(_plain(values), sort_keys=False, default_flow_style=None)
    partial = directory / "config.yaml.partial"
    partial.write_text(text)
    partial.replace(directory / "config.yaml")


def load_model(directory: Path, device: str = "cpu") -> LoadedModel:
    """Load and check a model; whatever is wrong with it is a UserError that says so."""
    target = check_device(device)
    config = read_config(directory / "config.yaml")
    weights_file = directory / "model.safetensors"
    weights = _read_weights(weights_file)
    with torch.device("meta"):
        expected = {k: v.shape for k, v in TDLatent(config.network).state_dict().items()}
    _check_shapes(weights_file, weights, expected)
    world_model = TDLatent(config.network)
    world_model.load_state_dict(weights)
    world_model.to(target)
    channels_last(world_model)
    world_model.eval().requires_grad_(False)
    return LoadedModel(world_model, config, hashlib.sha256(weights_file.read_bytes()).hexdigest())


def read_config(path: Path) -> ModelConfig:
    """Read config.yaml; unknown and missing keys are named."""
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; a model is a folder with config.yaml and model.safetensors"
        )
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    if not isinstance(values, dict) or values.pop("family", None) != _FAMILY:
        raise UserError(f"{path}: family must be '{_FAMILY}', the only one there is")
    _check_keys(path, values, ModelConfig)
    _check_keys(path, values["network"], TDLatentConfig)
    try:
        network = TDLatentConfig(**_tuples(values.pop("network")))
        return ModelConfig(network=network, **_tuples(values))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; train a model with 'wm_planner train'")
    if path.stat().st_size > _MAX_BYTES:
        raise UserError(f"{path}: {path.stat().st_size} bytes, more than the {_MAX_BYTES} allowed")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from error


def _check_shapes(
    path: Path, weights: dict[str, torch.Tensor], expected: dict[str, torch.Size]
) -> None:
    if missing := sorted(expected.keys() - weights.keys()):
        raise UserError(f"{path}: lacks {missing[:3]}, which config.yaml calls for")
    if unknown := sorted(weights.keys() - expected.keys()):
        raise UserError(f"{path}: holds {unknown[:3]}, which config.yaml does not know")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise UserError(
                f"{path}: {name} has shape {tuple(weights[name].shape)}, expected {tuple(shape)} "
                "from config.yaml; the two files are not of one model"
            )
        if not weights[name].isfinite().all():
            raise UserError(f"{path}: {name} holds NaN or infinity; train the model again")


def _check_keys(path: Path, values: Any, cls: type) -> None:
    known = {f.name for f in fields(cls)}
    if not isinstance(values, dict) or values.keys() != known:
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise UserError(f"{path}: {cls.__name__} has keys {found}, expected {sorted(known)}")


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _plain(value: Any) -> Any:
    """Tuples as lists, for YAML."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value
