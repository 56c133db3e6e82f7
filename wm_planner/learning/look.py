"""Tell beside a model what its training frames look like, for its cameras to be compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.episodes import demo, demo_names, open_dataset
from wm_planner.learning.video.frames import fitted, frames_of
from wm_planner.monitoring.look import FILE, Look
from wm_planner.paths import model_dir
from wm_planner.world_models.store import read_config

_EPISODES, _STRIDE = 200, 4  # of each dataset at most, and of their frames one of so many


@dataclass(frozen=True)
class LookConfig:
    """Write beside a model what its training frames look like: it is asked before the arm moves.

    Training does so by itself; this is for models of before, and for cameras that were replaced.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        data: datasets with frames as they should be; default data/<task>.hdf5.
    """

    model: str = "grasp"
    data: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.model:
            raise UserError("model is empty, expected a name in models/ or the path of a folder")


def look(config: LookConfig) -> Path:
    """The command."""
    folder = model_dir(config.model)
    task = read_config(folder / "config.yaml").task
    path = write_look(folder, list(config.data) or [Path("data") / f"{task}.hdf5"])
    print(f"look   {path}")
    return path


def write_look(model: Path, datasets: list[Path]) -> Path:
    """The file that was written into a model's folder."""
    described = read_config(model / "config.yaml")
    parts = []
    for path in datasets:
        parts += _frames(path, described.cameras, described.image_size)
    Look.of(torch.cat(parts), described.cameras).save(model / FILE)
    return model / FILE


def _frames(path: Path, cameras: tuple[str, ...], image_size: int) -> list[Tensor]:
    """Some frames (T, V, C, h, w) uint8 of each of some episodes."""
    with open_dataset(path) as file:
        names = demo_names(file)
        chosen = np.linspace(0, len(names) - 1, min(len(names), _EPISODES)).round().astype(int)
        found = []
        for i in tqdm(chosen, desc=f"look at {path.name}", unit="episode"):
            frames = frames_of(demo(file, names[i]), cameras)
            found.append(fitted({k: v[::_STRIDE] for k, v in frames.items()}, image_size))
    return found
