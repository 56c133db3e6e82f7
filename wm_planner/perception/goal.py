"""Goal pictures: how the scene is to look, seen by all cameras or by the first one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from wm_planner.errors import UserError
from wm_planner.perception.images import fit, stacked
from wm_planner.perception.pictures import PictureError, decode_checked
from wm_planner.types import Observation

_GREY = 128  # of a camera that a goal picture does not show
_MOST_BYTES = 2**26  # of a file


def read_goal(path: Path, cameras: Sequence[str]) -> dict[str, np.ndarray]:
    """Frames by camera of a PNG or JPEG file, see `goal_frames`."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise PictureError(f"more than {_MOST_BYTES} bytes")
        picture = decode_checked(data)[:, :, ::-1]
    except (OSError, PictureError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"goal image {path}: {reason}; give a PNG or JPEG file") from error
    return goal_frames(np.ascontiguousarray(picture), cameras)


def goal_frames(picture: np.ndarray, cameras: Sequence[str]) -> dict[str, np.ndarray]:
    """Frames (h, w, 3) uint8 RGB by camera of one picture (h, W, 3).

    A picture at least as wide as V squares of its height has all V cameras side by side, in the
    model's order; another one is what the first camera sees.
    """
    height, width = picture.shape[:2]
    if width < len(cameras) * height:
        return {cameras[0]: picture}
    if width % len(cameras):
        raise UserError(
            f"goal image: {width} pixels wide, no multiple of {len(cameras)}: put frames of one "
            f"size side by side, of {', '.join(cameras)}"
        )
    return dict(zip(cameras, np.split(picture, len(cameras), axis=1), strict=True))


def observe_goal(
    frames: Mapping[str, np.ndarray],
    proprio_size: int,
    cameras: Sequence[str],
    size: int,
    device: torch.device | str = "cpu",
) -> Observation:
    """A goal (B = 1) from frames of all cameras, or of the first alone: then the others are grey.

    A picture does not say what the robot felt: proprioception (1, P) is NaN.
    """
    if unknown := [camera for camera in frames if camera not in cameras]:
        raise UserError(f"goal image: no camera {unknown}; the model has {list(cameras)}")
    if cameras[0] not in frames or 1 < len(frames) < len(cameras):
        raise UserError(
            f"goal image: frames of {list(frames)}; give one of {cameras[0]} alone, or of all "
            f"cameras: {list(cameras)}"
        )
    grey = np.full((size, size, 3), _GREY, np.uint8)
    seen = [fit(frames[camera], size) if camera in frames else grey for camera in cameras]
    return Observation(stacked(seen, device), torch.full((1, proprio_size), torch.nan).to(device))
