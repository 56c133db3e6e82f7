"""Frames to features, camera by camera, so that a picture of a goal can be compared with one."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn

from wm_planner.world_models.jepa.config import JepaConfig
from wm_planner.world_models.jepa.vit import VisionTransformer
from wm_planner.world_models.key_points import KeyPoints

_FINE, _COARSE = 16, 48  # key points, on the second and the third convolution's maps
_GROUPS = 4  # of channels that are normalised together
_SMALL = 0.05  # of the largest standard deviation
_IN_CACHE = 32  # frames a processor convolves at a time; more would go through main memory


@final
class ConvEncoder(nn.Module):
    """Four stride-2 convolutions; what is where is kept, and key points say it finer."""

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        c = config
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, 4, stride=2, padding=1),
                nn.GroupNorm(math.gcd(_GROUPS, b), b),
                nn.ReLU(inplace=True),
            )
            for a, b in pairwise([3, *c.channels])
        )
        edge = c.image_size // 16
        self.fine = KeyPoints(c.channels[1], _FINE, 4 * edge)
        self.coarse = KeyPoints(c.channels[2], _COARSE, 2 * edge)
        inputs = c.channels[-1] * edge**2 + 2 * (_FINE + _COARSE)
        self.project = nn.Linear(inputs, c.features)

    def forward(self, frames: Tensor) -> Tensor:
        """Features (M, F) of frames (M, C, h, w) uint8."""
        return self.project(self.patterns(frames))

    def patterns(self, frames: Tensor) -> Tensor:
        """What is projected to features: (M, inputs) of frames (M, C, h, w) uint8."""
        frames = frames.contiguous(memory_format=torch.channels_last)
        parts = frames.split(max(1, len(frames)) if frames.is_cuda else _IN_CACHE)
        return torch.cat([self._convolved(part) for part in parts])

    def _convolved(self, frames: Tensor) -> Tensor:
        first, second, third, fourth = self.convolutions
        x = second(first(frames.to(self.project.weight.dtype).div_(255.0).sub_(0.5)))
        fine = self.fine(x)
        x = third(x)
        return torch.cat([fourth(x).flatten(1), fine, self.coarse(x)], -1)


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
        return self.project(self.patterns(frames))

    def patterns(self, frames: Tensor) -> Tensor:
        """What is projected to features: (M, inputs) of frames (M, C, h, w) uint8."""
        with torch.no_grad():
            tokens = torch.cat([self.vit(part) for part in frames.split(_IN_CACHE)])
        return self.narrow(tokens).flatten(1)


@final
class CameraEncoders(nn.Module):
    """An encoder for each camera."""

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        kind = FrozenEncoder if config.encoder == "vit" else ConvEncoder
        self.each = nn.ModuleList(kind(config) for _ in range(config.cameras))

    def forward(self, images: Tensor) -> Tensor:
        """Features (..., V * F) of frames (..., V, C, h, w) uint8."""
        shape, views = images.shape[:-4], _views(images)
        features = [encoder(view) for encoder, view in zip(self.each, views, strict=True)]
        return torch.cat(features, -1).unflatten(0, shape or (1,)).reshape(*shape, -1)

    @torch.no_grad()
    def begin(self, images: Tensor) -> None:
        """Let features start without correlation, as principal components of `images`' patterns.

        Else they all begin alike, as most of a picture is, and part slowly. Initialisation from
        data: Kraehenbuehl 2016, arXiv:1511.06856.
        """
        for encoder, view in zip(self.each, _views(images), strict=True):
            assert isinstance(encoder, ConvEncoder | FrozenEncoder)
            patterns = encoder.patterns(view).float()
            mean, project = patterns.mean(0), encoder.project
            _, size, axes = torch.linalg.svd(patterns - mean, full_matrices=False)
            size, axes = size[: len(project.weight)], axes[: len(project.weight)]
            std = size / len(patterns) ** 0.5
            scaled = axes / (std + _SMALL * std[0])[:, None]  # what hardly varies is mostly noise
            project.weight.data[: len(scaled)] = scaled
            project.bias.data = -project.weight.data @ mean


def _views(images: Tensor) -> Tensor:
    """Frames (V, M, C, h, w) of images (..., V, C, h, w)."""
    return rearrange(images, "... v c h w -> v (...) c h w")
