"""Camera frames to what the encoder takes; the very same code in training and at run time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.types import Observation


def fit(frame: np.ndarray, size: int) -> np.ndarray:
    """Centre-crop a frame (h, w, 3) uint8 RGB to a square and resize it to (size, size, 3)."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
        raise UserError(
            f"frame has shape {frame.shape} and type {frame.dtype}, expected (h, w, 3) uint8 RGB"
        )
    h, w = frame.shape[:2]
    if h == w == size:
        return frame
    edge = min(h, w)
    top, left = (h - edge) // 2, (w - edge) // 2
    square = frame[top : top + edge, left : left + edge]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)


def observe(
    frames: Mapping[str, np.ndarray],
    proprio: np.ndarray,
    cameras: Sequence[str],
    size: int,
    device: torch.device | str = "cpu",
) -> Observation:
    """One observation (B = 1) from a frame of each camera and proprioception (P,)."""
    missing = [camera for camera in cameras if camera not in frames]
    if missing:
        raise UserError(f"no frame of camera {missing}; the model needs {list(cameras)}")
    proprio = np.asarray(proprio, np.float32)
    if len(bad := np.flatnonzero(~np.isfinite(proprio))):
        raise UserError(
            f"proprioception has entries {bad.tolist()} that are not finite; check the joint states"
        )
    images = stacked([fit(frames[camera], size) for camera in cameras], device)
    return Observation(images, torch.from_numpy(proprio[None]).to(device))


def stacked(frames: Sequence[np.ndarray], device: torch.device | str = "cpu") -> Tensor:
    """Frames (h, w, C) of V cameras as (1, V, C, h, w)."""
    return torch.from_numpy(np.stack(frames)).to(device).permute(0, 3, 1, 2)[None]
