"""How wrong a picture is, so that small things count."""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

_NOISE = 0.02  # of a pixel that never changes, of the range of colours
_SQUARED = 10.0  # weight of the squared error: both count alike at a tenth of the range


class Usual(NamedTuple):
    """What the pixels of the frames show as a rule, in [-0.5, 0.5]."""

    median: Tensor  # (V * C, h, w)
    deviation: Tensor  # (V * C, h, w), mean absolute deviation from it


def usual_of(frames: Tensor) -> Usual:
    """That of some frames (B, V * C, h, w)."""
    median = frames.median(0).values
    return Usual(median, (frames - median).abs().mean(0))


def as_decoded(frames: Tensor) -> Tensor:
    """Frames (B, V, C, h, w) uint8 as a decoder puts them out: (B, V * C, h, w) in [-0.5, 0.5]."""
    return rearrange(frames, "b v c h w -> b (v c) h w").float() / 255 - 0.5


def decoder_loss(
    decoded: Tensor, wanted: Tensor, usual: Usual, emphasis: float, edges: float
) -> Tensor:
    """Error of frames (B, V * C, h, w): |e| + 10 e^2 a pixel, weighted so that small things count.

    The absolute error alone is lowest at the median, which is a table without a cube, and leads
    nowhere from there; the squared one leads away and blurs. A pixel weighs 1 + `emphasis` x how
    far it is, in what is wanted or in what was decoded, from its median, over how far it usually
    is: where an arm often passes, an arm counts little more than a table; on the table a cube
    counts much, and one that is missing as much as one too many. Weights average 1 over the batch.
    `edges` weighs the error of the differences between neighbouring pixels, beside that of pixels.
    """
    away = torch.maximum((wanted - usual.median).abs(), (decoded.detach() - usual.median).abs())
    weight = 1.0 + emphasis * away / (usual.deviation + _NOISE)  # (B, V * C, h, w)
    weight = weight / weight.mean()
    error = decoded - wanted
    down, across = error.diff(dim=-2), error.diff(dim=-1)
    at_edges = (_size(down) * weight[..., 1:, :]).mean() + (_size(across) * weight[..., 1:]).mean()
    return (_size(error) * weight).mean() + edges * at_edges


def _size(error: Tensor) -> Tensor:
    return error.abs() + _SQUARED * error.square()
