"""Frames and proprioception to features: what image encoders of several families share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.key_points import KeyPoints
from wm_planner.world_models.layers import mlp
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.text_encoder import Heed

_BODY = 64  # features of proprioception
_IN_CACHE = 32  # frames a processor convolves at a time; more would go through main memory


def make_encoder(config: NetworkConfig) -> Encoder:
    """The one that the config asks for."""
    return KeyPointEncoder(config) if config.key_points else PatternEncoder(config)


class Encoder(nn.Module, ABC):
    """Features of all cameras' frames, and a layer over proprioception."""

    def __init__(self, config: NetworkConfig, seen: int) -> None:
        """`seen`: numbers that the family member's `see` puts out."""
        super().__init__()
        c = config
        self.visual = nn.Sequential(nn.Linear(seen, c.hidden_size), nn.LayerNorm(c.hidden_size))
        self.bodily = mlp(c.proprio_size, _BODY, _BODY, depth=1)
        self.unfelt = nn.Parameter(torch.zeros(_BODY)) if c.unfelt else None
        words, size = len(c.vocabulary), c.instruction_size
        self.heed = Heed(words, size, c.hidden_size) if size else None
        self.features = c.hidden_size + _BODY

    @abstractmethod
    def see(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        """Numbers (B, seen) of frames (B, V * C, h, w) uint8, channels last in memory."""

    def forward(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Features (..., E) of frames (..., V, C, h, w) uint8 and proprioception (..., P).

        A row of proprioception with NaN in it is not known; learned features stand in for it.
        What of the frames matters, the `instruction` (..., W) says, where the config has a size
        for one.
        """
        frames = rearrange(images, "... v c h w -> ... h w (v c)").flatten(0, -4)
        frames = rearrange(frames, "b h w c -> b c h w").to(memory_format=torch.channels_last)
        parts = frames.split(len(frames) if frames.is_cuda else _IN_CACHE)
        x = torch.cat([self.see(part, proprio.dtype) for part in parts])
        x = self.visual(x.unflatten(0, proprio.shape[:-1]))
        if self.heed is not None and instruction is not None:
            x = self.heed(x, instruction)
        return torch.cat([F.silu(x), self._felt(proprio)], dim=-1)

    def _felt(self, proprio: Tensor) -> Tensor:
        """Features (..., body) of proprioception (..., P), or what stands in for it."""
        if self.unfelt is None:
            return self.bodily(proprio)
        known = ~proprio.isnan().any(-1, keepdim=True)
        felt = self.bodily(proprio.nan_to_num())
        return torch.where(known, felt, self.unfelt.to(felt.dtype))


@final
class PatternEncoder(Encoder):
    """Four stride-2 convolutions over all cameras' frames at once: which pattern is where."""

    def __init__(self, config: NetworkConfig) -> None:
        c = config
        super().__init__(c, c.channels[-1] * (c.image_size // 2 ** len(c.channels)) ** 2)
        sizes = [3 * c.cameras, *c.channels]
        self.convolutions = nn.Sequential(
            *(
                layer
                for a, b in pairwise(sizes)
                for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU(inplace=True))
            )
        )

    def see(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        return self.convolutions(frames.to(dtype).div_(255.0).sub_(0.5)).flatten(1)


@final
class KeyPointEncoder(Encoder):
    """Convolutions and key points for each camera: where things are, also where they never were.

    Of a hundred demonstrations it learned where a cube is in the pictures; the other encoder
    rather learned where cubes are at such a height of the hand.
    """

    def __init__(self, config: NetworkConfig) -> None:
        c = config
        super().__init__(c, 2 * c.key_points * c.cameras)
        layers = key_point_layers(c.channels[:3], c.cameras, c.key_points, c.image_size)
        self.convolutions, self.points = layers

    def see(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        return key_points_of(frames, self.convolutions, self.points, dtype)


def key_point_layers(
    channels: Sequence[int], cameras: int, key_points: int, image_size: int
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Convolutions and KeyPoints of each camera."""
    first, second, third = channels
    convolutions = nn.ModuleList(
        nn.Sequential(
            nn.Conv2d(3, first, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(second, third, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        for _ in range(cameras)
    )
    edge = image_size // 4
    return convolutions, nn.ModuleList(KeyPoints(third, key_points, edge) for _ in range(cameras))


def key_points_of(
    frames: Tensor, convolutions: nn.ModuleList, points: nn.ModuleList, dtype: torch.dtype
) -> Tensor:
    """Places (B, V * 2 * K) in frames (B, V * C, h, w) uint8, by such layers."""
    x = frames.to(dtype).div_(255.0).sub_(0.5)
    views = zip(x.split(3, 1), convolutions, points, strict=True)
    return torch.cat([found(convolved(view)) for view, convolved, found in views], -1)
