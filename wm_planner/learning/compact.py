"""A model to hand on: its weights in half or a quarter of the space, and what plans alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from wm_planner.errors import UserError
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.world_models.families import rebuilt
from wm_planner.world_models.store import load_model, save_model

_TYPES = {16: torch.float16, 8: torch.int8}


@dataclass(frozen=True)
class CompactConfig:
    """Write a model anew to be handed on: weights in fewer bits, without its head of landmarks.

    It is loaded as float32 again and plans as fast as before. In 16 bits its weights are off by up
    to 0.05 % each; in 8, by 0.7 % of a usual weight. So measure it (`wm_planner trials`) as it is,
    compacted. Only training reads landmarks: that which goes on from it begins with a fresh head.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        out: model folder to write; default <model's folder>_compact. The model's own is allowed.
        bits: of a weight: 16 or 8.
    """

    model: str = "grasp"
    out: Path | None = None
    bits: int = 16

    def __post_init__(self) -> None:
        """Check the number of bits."""
        if self.bits not in _TYPES:
            raise UserError(f"bits is {self.bits}, expected 16 or 8")


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
    kept = rebuilt(model.world_model, replace(model.config.network, landmark_size=0))
    dtype = _TYPES[config.bits]
    provenance = {**model.config.provenance, "weights": str(dtype).removeprefix("torch.")}
    out = config.out or source.with_name(f"{source.name}_compact")
    before = (source / "model.safetensors").stat().st_size
    save_model(out, kept, replace(model.config, network=kept.config, provenance=provenance), dtype)
    keep_look(source, out)
    after = (out / "model.safetensors").stat().st_size
    print(f"{out}: {before / 2**20:.1f} MiB became {after / 2**20:.1f} MiB")
    return out
