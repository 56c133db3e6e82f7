"""Frames and proprioception to features: what image encoders of several families share."""

from __future__ import annotations

from itertools import pairwise
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.layers import mlp
from wm_planner.world_models.network_config import NetworkConfig

_BODY = 64  # features of proprioception
_IN_CACHE = 32  # frames a processor convolves at a time; more would go through main memory


@final
class Encoder(nn.Module):
    """Four stride-2 convolutions over all cameras' frames, and a layer over proprioception."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c = config
        sizes = [3 * c.cameras, *c.channels]
        self.convolutions = nn.Sequential(
            *(
                layer
                for a, b in pairwise(sizes)
                for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU(inplace=True))
            )
        )
        features = c.channels[-1] * (c.image_size // 2 ** len(c.channels)) ** 2
        self.visual = nn.Sequential(nn.Linear(features, c.hidden_size), nn.LayerNorm(c.hidden_size))
        self.bodily = mlp(c.proprio_size, _BODY, _BODY, depth=1)
        self.unfelt = nn.Parameter(torch.zeros(_BODY)) if c.unfelt else None
        self.features = c.hidden_size + _BODY

    def forward(self, images: Tensor, proprio: Tensor) -> Tensor:
        """Features (..., E) of frames (..., V, C, h, w) uint8 and proprioception (..., P).

        A row of proprioception with NaN in it is not known; learned features stand in for it.
        """
        frames = rearrange(images, "... v c h w -> ... h w (v c)").flatten(0, -4)
        frames = rearrange(frames, "b h w c -> b c h w").to(memory_format=torch.channels_last)
        parts = frames.split(len(frames) if frames.is_cuda else _IN_CACHE)
        x = torch.cat([self._convolved(part, proprio.dtype) for part in parts])
        x = x.unflatten(0, proprio.shape[:-1])
        return torch.cat([F.silu(self.visual(x)), self._felt(proprio)], dim=-1)

    def _felt(self, proprio: Tensor) -> Tensor:
        """Features (..., body) of proprioception (..., P), or what stands in for it."""
        if self.unfelt is None:
            return self.bodily(proprio)
        known = ~proprio.isnan().any(-1, keepdim=True)
        felt = self.bodily(proprio.nan_to_num())
        return torch.where(known, felt, self.unfelt.to(felt.dtype))

    def _convolved(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        """What the convolutions make of frames (B, V * C, h, w) uint8: (B, features)."""
        return self.convolutions(frames.to(dtype).div_(255.0).sub_(0.5)).flatten(1)
