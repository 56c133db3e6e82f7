"""Where in a picture things are, as numbers."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@final
class KeyPoints(nn.Module):
    """Where in a picture each of K learned patterns is, by a spatial softmax.

    Deep spatial autoencoders (Finn 2016, arXiv:1509.06113): places to a fraction of a pixel.
    """

    place: Tensor  # (edge^2, 2) of each pixel, from -1 to 1

    def __init__(self, channels: int, points: int, edge: int) -> None:
        super().__init__()
        self.patterns = nn.Linear(channels, points)
        self.sharpness = nn.Parameter(torch.full((points,), 4.0))
        axis = torch.linspace(-1, 1, edge)
        self.register_buffer("place", torch.cartesian_prod(axis, axis), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Places (M, 2 * K) in feature maps (M, C, edge, edge)."""
        found = self.patterns(x.permute(0, 2, 3, 1).flatten(1, 2)).transpose(1, 2)  # (M, K, n)
        found = F.layer_norm(found, found.shape[-1:]) * self.sharpness[:, None]
        return (found.softmax(-1) @ self.place.to(x.dtype)).flatten(1)
