"""Where a dream can begin besides a simulated scene: pictures, and moments of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.episodes import demo, demo_names, open_dataset, read_episode
from wm_planner.perception.pictures import PictureError, decode_checked


class Start(NamedTuple):
    """What a robot would know."""

    frames: dict[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    proprio: np.ndarray | None  # (P,); None: nobody measured it
    name: str  # where it comes from


def from_pictures(pictures: Mapping[str, bytes], cameras: tuple[str, ...]) -> Start:
    """A JPEG or PNG of each camera.

    Raises:
        UserError: a camera has none, or it cannot be read.
    """
    frames = {}
    for camera in cameras:
        if not pictures.get(camera):
            raise UserError(f"no picture of camera {camera}; give one for each of {list(cameras)}")
        try:
            bgr = decode_checked(pictures[camera])
        except PictureError as error:
            raise UserError(f"picture of camera {camera}: {error}; give a PNG or JPEG") from error
        frames[camera] = np.ascontiguousarray(bgr[..., ::-1])
    return Start(frames, None, "pictures")


def from_dataset(path: Path, episode: int, step: int, cameras: tuple[str, ...]) -> Start:
    """A moment of a recorded episode.

    Raises:
        UserError: there is no such file, episode, step or camera in it.
    """
    with open_dataset(path) as file:
        names = demo_names(file)
        if not 0 <= episode < len(names):
            raise UserError(f"{path}: episode is {episode}, expected 0 to {len(names) - 1}")
        found = read_episode(demo(file, names[episode]), privileged=False)
    if not 0 <= step < len(found.actions):
        raise UserError(f"{path}: step is {step}, expected 0 to {len(found.actions) - 1}")
    if missing := [camera for camera in cameras if camera not in found.frames]:
        raise UserError(f"{path}: no frames of camera {missing[0]}; it has {[*found.frames]}")
    frames = {camera: found.frames[camera][step] for camera in cameras}
    return Start(frames, found.proprio[step], f"{path.name}, episode {episode}, step {step}")
