"""Video alone: the frames of a dataset's episodes, whatever else lies beside them or does not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.episodes import demo, demo_names, open_dataset, task_of
from wm_planner.learning.layout import LayoutError, checked_frames
from wm_planner.perception.images import fit


class Video(NamedTuple):
    """Episodes one after another, as cameras saw them."""

    images: Tensor  # (T, V, C, h, w) uint8
    spans: list[slice]  # where each episode lies
    tasks: list[str]  # of each dataset, as far as it says


def read_videos(paths: list[Path], cameras: tuple[str, ...], image_size: int) -> Video:
    """The frames of datasets, and nothing else of them, at a size."""
    parts, tasks = [], []
    for path in paths:
        with open_dataset(path) as file:
            tasks += task_of(file)
            names = demo_names(file)
            for name in tqdm(names, desc=f"read {path.name}", unit="episode"):
                frames = frames_of(demo(file, name), cameras)
                parts.append(fitted(frames, image_size))
    ends = np.cumsum([len(part) for part in parts]).tolist()
    spans = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    return Video(torch.cat(parts), spans, tasks)


def frames_of(group: h5py.Group, cameras: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Of each camera (T, h, w, 3) uint8; the arrays beside them are not looked at."""
    place = f"{group.file.filename}: {group.name}"
    try:
        return {name: array.read() for name, array in checked_frames(group, cameras).items()}
    except (LayoutError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{place}: {error}") from error


def fitted(frames: dict[str, np.ndarray], image_size: int) -> Tensor:
    """All cameras' frames (T, V, C, h, w) uint8 at the size that networks take."""
    views = [np.stack([fit(frame, image_size) for frame in view]) for view in frames.values()]
    return torch.from_numpy(rearrange(np.stack(views, 1), "t v h w c -> t v c h w").copy())
