"""What a plan is imagined to lead to, as a picture: camera frames now beside decoded futures."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import torch

from wm_planner.interfaces import Decodable
from wm_planner.perception.images import fit
from wm_planner.types import Latent, Plan, Seen

TILE = 160  # pixels, of every tile
_INK = (245, 245, 245)


@torch.inference_mode()
def imagine_strip(
    world_model: Decodable,
    latent: Latent,
    plan: Plan,
    seen: Seen,
    frames: Mapping[str, np.ndarray],
    period: float = 0.1,
) -> np.ndarray:
    """A row of tiles for each camera: the frame now, then what the plan is imagined to lead to.

    Args:
        world_model: decodes latents.
        latent: when the plan begins, (1, D).
        plan: its first batch element is imagined.
        seen: what it came of, B = 1.
        frames: camera: (h, w, 3) uint8 RGB, in the model's order.
        period: seconds an action takes.

    Returns:
        Picture (rows, columns, 3) uint8 RGB.
    """
    imagined = [Latent(*(part[:1] for part in latent))]
    for action in plan.actions[0]:  # (A,)
        imagined.append(world_model.advance(imagined[-1], action[None]))
    futures = Latent(*map(torch.cat, zip(*imagined[1:], strict=True)))
    decoded = world_model.decode(futures, seen.repeated(len(imagined) - 1))  # (H, V, C, h, w)
    tiles_of = decoded.permute(1, 0, 3, 4, 2).cpu().numpy()  # (V, H, h, w, C)
    captions = [f"imagined +{i * period:.1f} s" for i in range(1, len(imagined))]
    rows = []
    for (camera, frame), shown in zip(frames.items(), tiles_of, strict=True):
        part = fit(frame, min(frame.shape[:2]))  # that the model sees
        tiles = [tile(part, f"{camera} camera")]
        tiles += [tile(f, c) for f, c in zip(shown, captions, strict=True)]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows, axis=0)


def tile(frame: np.ndarray, caption: str) -> np.ndarray:
    """A frame (h, w, 3) uint8 RGB with a caption, (TILE, TILE, 3)."""
    drawn = cv2.resize(frame, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    edge = (40, 40, 40)
    drawn = cv2.copyMakeBorder(drawn[1:-1, 1:-1], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=edge)
    drawn[-20:] = drawn[-20:] // 3
    font = cv2.FONT_HERSHEY_SIMPLEX
    return cv2.putText(drawn, caption, (6, TILE - 6), font, 0.42, _INK, 1, cv2.LINE_AA)
