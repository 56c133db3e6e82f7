"""Frames to a small grid of latents, and back.

A convolutional autoencoder as of latent diffusion (Rombach 2022, arXiv:2112.10752), without its
adversary. What of a camera's picture never changes is kept in the decoder's canvases.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.video_config import EDGE, PATCH, VideoConfig


@final
class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a path that leaves things as they are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.normal_(self.second.weight, std=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class PictureTokenizer(nn.Module, ABC):
    """Weights are shared by all cameras, but for the canvases."""

    def __init__(self, config: VideoConfig) -> None:
        super().__init__()
        self.config = c = config
        halvings = (c.image_size // EDGE).bit_length() - 1
        sizes = c.channels[:halvings]
        layers: list[nn.Module] = []
        for a, b in pairwise((3, *sizes)):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.SiLU()]
        self.down = nn.Sequential(
            *layers, Residual(sizes[-1]), nn.Conv2d(sizes[-1], c.latent_channels, 3, padding=1)
        )
        self.begin = nn.Conv2d(c.latent_channels, sizes[-1], 3, padding=1)
        back = list(reversed(sizes))
        self.refine = nn.ModuleList(Residual(size) for size in back)
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(back))
        self.paint = nn.Conv2d(back[-1], 12, 3, padding=1)
        self.canvases = nn.ParameterList(
            torch.zeros(c.cameras, size, EDGE * 2**i, EDGE * 2**i) for i, size in enumerate(back)
        )

    @torch.no_grad()
    def begin_with(self, smaller: PictureTokenizer) -> None:
        """Take over the weights of one for frames half as large, or a quarter.

        It then makes of frames what `smaller` makes of the same frames at its size, each pixel the
        mean of four: layers are added that change nothing (Net2Net: Chen 2015, arXiv:1511.05641).
        The layers that draw what is finer stay fresh.
        """
        layers, known = (
            [layer for layer in each.down if isinstance(layer, nn.Conv2d)]
            for each in (self, smaller)
        )
        added = len(layers) - len(known)
        colours = torch.eye(3)  # (3, channels): how they are told from what a layer gives
        for layer in layers[:added]:
            colours = _halve(layer, colours)
        weight = torch.einsum("ocij,cd->odij", known[0].weight, colours.to(known[0].weight))
        layers[added].load_state_dict({**known[0].state_dict(), "weight": weight})
        same: list[tuple[nn.Module, nn.Module]] = [
            (self.down[-2], smaller.down[-2]),
            (self.begin, smaller.begin),
            *zip(layers[added + 1 :], known[1:], strict=True),
            *zip(self.refine, smaller.refine, strict=False),
            *zip(self.up, smaller.up, strict=False),
        ]
        for mine, its in same:
            mine.load_state_dict(its.state_dict())
        for canvas, drawn in zip(self.canvases, smaller.canvases, strict=False):
            canvas.copy_(drawn)

    @abstractmethod
    def bounded(self, latents: Tensor) -> Tensor:
        """Latents (..., C) that any numbers (..., C) become."""

    def encode(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """Tokens (..., S, K) of frames (..., V, C, h, w) uint8, S of them for all cameras."""
        frames = images.flatten(0, -4).contiguous(memory_format=torch.channels_last)
        latents = self.down(frames.to(dtype).div(255.0).sub(0.5))  # (M, c, 8, 8)
        latents = self.bounded(latents.permute(0, 2, 3, 1))
        tokens = rearrange(latents, "m (y i) (x j) c -> m (y x) (i j c)", i=PATCH, j=PATCH)
        return tokens.unflatten(0, images.shape[:-3]).flatten(-3, -2)

    def decode(self, tokens: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5] of tokens (B, S, K)."""
        views = self.config.cameras
        x = rearrange(
            tokens,
            "b (v y x) (i j c) -> b v c (y i) (x j)",
            v=views,
            y=EDGE // PATCH,
            i=PATCH,
            j=PATCH,
        )
        x = self.begin(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        for i, (refine, canvas) in enumerate(zip(self.refine, self.canvases, strict=True)):
            if i:
                x = self.up[i - 1](F.interpolate(F.silu(x), scale_factor=2.0))
            x = refine((x.unflatten(0, (-1, views)) + canvas).flatten(0, 1))
        return F.pixel_shuffle(self.paint(F.silu(x)), 2).unflatten(0, (-1, views)).flatten(1, 2)


def _halve(layer: nn.Conv2d, colours: Tensor) -> Tensor:
    """Let a stride-2 convolution give the mean of each four pixels, and return how to read it.

    `colours` (3, channels) says how colours are read from what it takes. A channel has each colour
    and another its negative: silu(x) - silu(-x) is x.
    """
    weight, bias = layer.weight, layer.state_dict()["bias"]
    means = colours[..., None, None].to(weight) / 4
    both = torch.cat([means, -means])
    weight[: len(both)] = 0.0
    weight[: len(both), :, 1:3, 1:3] = both
    bias[: len(both)] = 0.0
    told = torch.zeros(3, layer.out_channels)
    told[:, : len(both)] = torch.cat([torch.eye(3), -torch.eye(3)], dim=1)
    return told
