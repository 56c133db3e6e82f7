"""What sequences of frames are made to look like, so that a model learns what does not matter."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

_COVERED = 25  # steps, at most, that something covers a camera
_LIGHTEST = 150  # grey of what covers it, of 255
_GRAIN = 4  # how much lighter or darker a pixel of that is at most


def colour_tables(colour: float, count: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Random gain and offset of each colour channel as look-up tables (count, 1, 256, channels)."""
    shape = (count, channels, 1)
    tables = np.arange(256) * rng.uniform(1 - colour, 1 + colour, shape)
    tables += 255 * rng.uniform(-colour, colour, shape)
    tables = tables.clip(0, 255).round().astype(np.uint8)  # (count, channels, 256)
    return np.ascontiguousarray(tables.transpose(0, 2, 1))[:, None]


def recoloured(frames: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Frames (T, h, w, channels) as the table (1, 256, channels) says."""
    rows = frames.reshape(-1, *frames.shape[2:])
    return cv2.LUT(rows, table).reshape(frames.shape)


def covered(images: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    """Frames (B, T, V, C, h, w) as something dark before one camera, or all, makes some of them."""
    b, length, cameras = images.shape[:3]
    images = images.clone()
    for i in np.flatnonzero(rng.random(b) < chance):
        begin, steps = rng.integers(length // 2 + 1), rng.integers(1, _COVERED + 1)
        which = slice(None) if rng.random() < 0.5 else rng.integers(cameras)
        hidden = images[i, begin : begin + steps, which]
        noise = rng.integers(-_GRAIN, _GRAIN + 1, hidden.shape, np.int16)
        grey = rng.integers(_GRAIN, _LIGHTEST)
        hidden.copy_(torch.from_numpy((grey + noise).astype(np.uint8)))
    return images


def shift_into(frames: np.ndarray, by: Sequence[int], out: np.ndarray) -> None:
    """Frames (T, h, w, channels) moved by pixels down and right into `out`, edges replicated."""
    (h, w), (down, right) = frames.shape[1:3], by
    top, bottom = max(0, down), h + min(0, down)
    left, end = max(0, right), w + min(0, right)
    moved = frames[:, top - down : bottom - down, left - right : end - right]
    out[:, top:bottom, left:end] = moved
    out[:, :top, left:end] = out[:, top : top + 1, left:end]
    out[:, bottom:, left:end] = out[:, bottom - 1 : bottom, left:end]
    out[:, :, :left] = out[:, :, left : left + 1]
    out[:, :, end:] = out[:, :, end - 1 : end]
