"""What changed in a camera's picture, beside what was foreseen to change.

Decoded frames are blurred, and lit and coloured as in training; their differences from one step to
the next are much nearer to those of the real frames than they themselves are. So a step is judged
by what it changed, patch by patch: a small new thing then counts as much as a large one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

GRID = 8  # patches along each side of a frame
_LEAST = 0.02  # of the range of a pixel: changes smaller than that are noise


class PictureChange(NamedTuple):
    """From one frame to the next, in [0, 1]; G x G patches."""

    error: Tensor  # (B, V, G, G) mean absolute difference of what changed and what was foreseen to
    foreseen: Tensor  # (B, V, G, G) mean absolute change that was foreseen


def picture_change(
    before: Tensor, after: Tensor, believed: Tensor, foreseen: Tensor
) -> PictureChange:
    """Of frames before and after a step, and of what was believed before it and foreseen after it.

    All are (B, V, C, h, w) uint8; the latter two are decoded latents.
    """
    seen = after.float() - before.float()
    expected = foreseen.float() - believed.float()
    return PictureChange(_patches(seen - expected), _patches(expected))


def frame_error(change: PictureChange, spread: Tensor) -> Tensor:
    """Error (B, V) of the worst patch, over its `spread` (V, G, G) and what was foreseen there."""
    usual = spread.to(change.error.device) + change.foreseen + _LEAST
    return (change.error / usual).amax((-2, -1))


def patch_spread(errors: Tensor) -> Tensor:
    """Root mean square (V, G, G) of errors (M, V, G, G)."""
    return errors.square().mean(0).sqrt()


def _patches(difference: Tensor) -> Tensor:
    """(B, V, C, h, w) in [-255, 255] to means of magnitude (B, V, G, G) in [0, 1]."""
    magnitude = difference.abs().mean(2) / 255  # (B, V, h, w)
    return F.adaptive_avg_pool2d(magnitude, GRID)


def no_change(cameras: int) -> PictureChange:
    """Of no step, for a model that does not decode: (0, V, G, G)."""
    empty = torch.empty(0, cameras, GRID, GRID)
    return PictureChange(empty, empty)
