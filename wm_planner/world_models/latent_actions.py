"""What was done between two frames, as a code: an inverse model, and a forward model that needs it.

The forward model must tell a later frame from the present one and the code; so the code comes to
say what the frames before did not: what was done (Genie, Bruce 2024, arXiv:2402.15391; LAPA, Ye
2024, arXiv:2410.11758). The codebook is small, or the code would hold the later frame itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.encoder import key_point_layers, key_points_of
from wm_planner.world_models.layers import mlp
from wm_planner.world_models.levels import quantized
from wm_planner.world_models.network_config import is_whole
from wm_planner.world_models.picture_tokenizer import Residual

_AT_A_TIME = 256  # frames
_CHANNELS = (16, 32, 32)  # of the convolutions before key points
_MOST = {
    "cameras": (1, 16), "image_size": (32, 1024), "key_points": (1, 1024), "digits": (1, 16),
    "levels": (2, 64), "ahead": (1, 100), "width": (8, 1024),
}  # fmt: skip


@dataclass(frozen=True)
class LatentActionsConfig:
    """Shapes of the inverse and the forward model.

    Attributes:
        cameras: number of cameras.
        image_size: height and width of their frames, pixels, a multiple of 16.
        key_points: that are looked for in each camera's frame.
        digits: of a code.
        levels: of a digit; there are `levels` ** `digits` codes.
        ahead: steps from a frame to the one that must be told.
        width: channels of the forward model.
    """

    cameras: int = 2
    image_size: int = 64
    key_points: int = 32
    digits: int = 4
    levels: int = 5
    ahead: int = 3
    width: int = 32

    def __post_init__(self) -> None:
        for name, (least, most) in _MOST.items():
            if not is_whole(size := getattr(self, name), least, most):
                raise ValueError(f"{name} {size!r} must be a whole number from {least} to {most}")
        if self.levels**self.digits > (largest := 2**20):
            raise ValueError(f"levels ** digits is more than {largest} codes; take fewer of both")
        if self.image_size % 16:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 16")


@final
class Eyes(nn.Module):
    """Key points, as encoders of world models find them."""

    def __init__(self, config: LatentActionsConfig) -> None:
        super().__init__()
        c = config
        layers = key_point_layers(_CHANNELS, c.cameras, c.key_points, c.image_size)
        self.convolutions, self.points = layers

    def forward(self, frames: Tensor) -> Tensor:
        """Places (B, V * 2 * K) in frames (B, V * C, h, w) uint8."""
        return key_points_of(frames, self.convolutions, self.points, torch.float32)


@final
class LatentActions(nn.Module):
    """Reads frames, and nothing else."""

    def __init__(self, config: LatentActionsConfig) -> None:
        super().__init__()
        self.config = c = config
        seen = 2 * c.key_points * c.cameras
        self.eyes = Eyes(c)
        self.inverse = mlp(2 * seen, 256, c.digits)
        channels = 3 * c.cameras
        self.read = nn.Conv2d(channels, c.width, 4, stride=2, padding=1)
        self.told = nn.Linear(c.digits, c.width)
        self.move = nn.Sequential(*(Residual(c.width) for _ in range(2)))
        self.paint = nn.Conv2d(c.width, 4 * channels, 3, padding=1)

    def see(self, images: Tensor) -> Tensor:
        """Places of key points (B, K) in frames (B, V, C, h, w) uint8."""
        frames = rearrange(images, "b v c h w -> b (v c) h w")
        frames = frames.contiguous(memory_format=torch.channels_last)
        parts = frames.split(_AT_A_TIME)
        return torch.cat([self.eyes(part) for part in parts])

    def code(self, seen: Tensor, later: Tensor) -> Tensor:
        """Digits (..., digits) of what was done from key points (..., K) to those `ahead` later."""
        moved = 4.0 * (later - seen)  # about as large as where they are
        return quantized(self.inverse(torch.cat([seen, moved], -1)), self.config.levels)

    def foresee(self, images: Tensor, code: Tensor) -> Tensor:
        """Small frames (B, V * C, h / 2, w / 2) `ahead` steps after frames (B, V, C, h, w)."""
        small = shrunk(images)
        x = self.read(small) + self.told(code)[..., None, None]  # (B, width, h / 4, w / 4)
        return small + F.pixel_shuffle(self.paint(F.silu(self.move(x))), 2)


def shrunk(images: Tensor) -> Tensor:
    """Frames (B, V, C, h, w) uint8 at half the size, in [-0.5, 0.5]: (B, V * C, h / 2, w / 2)."""
    frames = rearrange(images, "b v c h w -> b (v c) h w").float() / 255 - 0.5
    return F.avg_pool2d(frames.contiguous(memory_format=torch.channels_last), 2)
