"""Pictures of an evaluation: what came above what was imagined, and impossible futures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from wm_planner.evaluation.world_model.futures import imagine
from wm_planner.evaluation.world_model.physics import Consistency
from wm_planner.evaluation.world_model.recording import Encoded, each
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.types import Latent, Seen

_TILE = 128  # pixels
_LABEL = 20  # pixels, of a caption below a tile
_INK, _GROUND = (245, 245, 245), (40, 40, 40)


@torch.inference_mode()
def imagined_strip(
    world_model: WorldModel, encoded: Encoded, start: int, steps: Sequence[int], rate_hz: float
) -> np.ndarray:
    """The first episode from step `start` on: a column for each of `steps`, two rows a camera.

    Returns:
        Picture (h, w, 3) uint8 RGB: what the camera saw, and below it what was imagined open loop.
    """
    if not isinstance(world_model, Decodable):
        raise ValueError("this world model does not decode")
    actions = encoded.recording.actions[:1, start : start + max(steps)]
    first = each(encoded.latents, lambda part: part[:1, start])
    latents = imagine(world_model, first, actions)
    seen = Seen(encoded.recording.images[:1, start], first).repeated(len(steps))
    decoded = world_model.decode(Latent(latents[0, list(steps)]), seen)  # (S, V, C, h, w)
    real = encoded.recording.images[0, [start + k for k in steps]]  # (S, V, C, h, w)
    times = [f"{k / rate_hz:.1f} s" for k in steps]
    rows = []
    for camera in range(real.shape[1]):
        for kind, frames in (("camera", real), ("imagined", decoded)):
            tiles = frames[:, camera].permute(0, 2, 3, 1).numpy()
            captions = [f"{kind} {when}" for when in times]
            pairs = zip(tiles, captions, strict=True)
            rows.append(np.concatenate([tile(f, c) for f, c in pairs], axis=1))
    return np.concatenate(rows)


def physics_strip(case: Consistency) -> np.ndarray:
    """The end of the first pair: possible beside impossible. Picture (h, w, 3) uint8 RGB."""
    captions = ("possible", "impossible")
    pairs = zip(case.pairs[0].frames, captions, strict=True)
    return np.concatenate([tile(frame, caption) for frame, caption in pairs], axis=1)


def tile(frame: np.ndarray, caption: str) -> np.ndarray:
    """A frame (h, w, 3) uint8 RGB enlarged, with a line of text below it."""
    picture = cv2.resize(frame, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
    picture = cv2.copyMakeBorder(picture, 1, _LABEL, 1, 1, cv2.BORDER_CONSTANT, value=_GROUND)
    font, place = cv2.FONT_HERSHEY_SIMPLEX, (6, _TILE + 15)
    return cv2.putText(picture, caption, place, font, 0.42, _INK, 1, cv2.LINE_AA)
