"""Latent actions on disk: model.safetensors and config.yaml, as world models are; no pickles."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_yaml, write_yaml
from wm_planner.world_models.latent_actions import LatentActions, LatentActionsConfig
from wm_planner.world_models.store import channels_last
from wm_planner.world_models.weights_file import read_weights, write_weights

_KEYS = {"cameras", "latent_actions", "provenance"}


class LoadedLatentActions(NamedTuple):
    """Ready to watch."""

    model: LatentActions
    cameras: tuple[str, ...]
    provenance: dict[str, Any]


def save_latent_actions(
    directory: Path, model: LatentActions, cameras: tuple[str, ...], provenance: dict[str, Any]
) -> None:
    """Write weights and configuration; each file appears whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    values = {
        "cameras": cameras,
        "latent_actions": asdict(model.config),
        "provenance": provenance,
    }
    write_weights(directory / "model.safetensors", model.state_dict(), torch.float32)
    write_yaml(directory / "config.yaml", values)


def load_latent_actions(directory: Path) -> LoadedLatentActions:
    """Load and check them; whatever is wrong is a UserError that says so."""
    path = directory / "config.yaml"
    if not path.is_file():
        raise UserError(f"{path}: no such file; make it with `wm_planner video learn`")
    values = read_yaml(path)
    shapes = values.get("latent_actions")
    known = {field.name for field in fields(LatentActionsConfig)}
    if values.keys() != _KEYS or not isinstance(shapes, dict) or shapes.keys() != known:
        raise UserError(
            f"{path}: has keys {sorted(values)}, expected {sorted(_KEYS)}, and latent_actions with "
            f"{sorted(known)}; is it a folder that `wm_planner video learn` wrote?"
        )
    try:
        config = LatentActionsConfig(**shapes)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    cameras = values["cameras"]
    if not isinstance(cameras, list) or len(cameras) != config.cameras:
        raise UserError(f"{path}: cameras are {cameras!r}, expected names of {config.cameras}")
    with torch.device("meta"):
        expected = {k: v.shape for k, v in LatentActions(config).state_dict().items()}
    model = LatentActions(config)
    model.load_state_dict(read_weights(directory / "model.safetensors", expected))
    channels_last(model)
    model.eval().requires_grad_(False)
    return LoadedLatentActions(model, tuple(map(str, cameras)), values["provenance"])
