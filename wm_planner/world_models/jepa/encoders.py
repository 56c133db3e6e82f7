"""Frames to features, camera by camera, so that a picture of a goal can be compared with one."""

from __future__ import annotations

from itertools import pairwise
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn

from wm_planner.world_models.jepa.config import JepaConfig
from wm_planner.world_models.jepa.vit import VisionTransformer

_IN_CACHE = 32  # frames a processor convolves at a time; more would go through main memory


@final
class ConvEncoder(nn.Module):
    """Four stride-2 convolutions; a layer over what is where keeps places to the centimetre."""

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        c = config
        self.convolutions = nn.Sequential(
            *(
                layer
                for a, b in pairwise([3, *c.channels])
                for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU(inplace=True))
            )
        )
        self.project = nn.Linear(c.channels[-1] * (c.image_size // 16) ** 2, c.features)

    def forward(self, frames: Tensor) -> Tensor:
        """Features (M, F) of frames (M, C, h, w) uint8."""
        frames = frames.contiguous(memory_format=torch.channels_last)
        parts = frames.split(max(1, len(frames)) if frames.is_cuda else _IN_CACHE)
        return self.project(torch.cat([self._convolved(part) for part in parts]))

    def _convolved(self, frames: Tensor) -> Tensor:
        dtype = self.project.weight.dtype
        return self.convolutions(frames.to(dtype).div_(255.0).sub_(0.5)).flatten(1)


@final
class FrozenEncoder(nn.Module):
    """A vision transformer that is not trained, and a learned layer that reads its patches."""

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        c = config
        self.vit = VisionTransformer(c).requires_grad_(False)
        few = max(1, c.features // 8)
        self.narrow = nn.Linear(c.vit_width, few)
        self.project = nn.Linear(few * self.vit.patches, c.features)

    def forward(self, frames: Tensor) -> Tensor:
        """Features (M, F) of frames (M, C, h, w) uint8."""
        with torch.no_grad():
            tokens = torch.cat([self.vit(part) for part in frames.split(_IN_CACHE)])
        return self.project(self.narrow(tokens).flatten(1))


@final
class CameraEncoders(nn.Module):
    """An encoder for each camera."""

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        kind = FrozenEncoder if config.encoder == "vit" else ConvEncoder
        self.each = nn.ModuleList(kind(config) for _ in range(config.cameras))

    def forward(self, images: Tensor) -> Tensor:
        """Features (..., V * F) of frames (..., V, C, h, w) uint8."""
        shape = images.shape[:-4]
        views = rearrange(images, "... v c h w -> v (...) c h w")
        features = [encoder(view) for encoder, view in zip(self.each, views, strict=True)]
        return torch.cat(features, -1).unflatten(0, shape or (1,)).reshape(*shape, -1)
