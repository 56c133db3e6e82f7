"""A model in half the space: its weights rounded to half precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from wm_planner.errors import UserError
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.world_models.store import load_model, save_model


@dataclass(frozen=True)
class CompactConfig:
    """Write a model anew with its weights in float16: half the size, to be handed on.

    It is loaded as float32 again and plans as fast as before; its weights are off by up to 0.05 %
    each, so measure it (`wm_planner trials`) as it is, compacted. To train on, keep the original.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        out: model folder to write; default <model's folder>_compact. The model's own is allowed.
    """

    model: str = "grasp"
    out: Path | None = None


def compact(config: CompactConfig) -> Path:
    """Write it and return its folder.

    Raises:
        UserError: no such model, or one with a weight that float16 cannot hold.
    """
    source = model_dir(config.model)
    model = load_model(source)
    largest = torch.finfo(torch.float16).max
    for name, weight in model.world_model.state_dict().items():
        if (found := weight.abs().max().item()) > largest:
            raise UserError(
                f"{source}: {name} holds {found:g}, float16 ends at {largest:g}; leave the model "
                "as it is"
            )
    out = config.out or source.with_name(f"{source.name}_compact")
    provenance = {**model.config.provenance, "weights": "float16"}
    before = (source / "model.safetensors").stat().st_size
    described = replace(model.config, provenance=provenance)
    save_model(out, model.world_model, described, torch.float16)
    keep_look(source, out)
    after = (out / "model.safetensors").stat().st_size
    print(f"{out}: {before / 2**20:.1f} MiB became {after / 2**20:.1f} MiB")
    return out
