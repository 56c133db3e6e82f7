"""Shapes that families share whose latents are frames that they generate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.network_config import NetworkConfig

EDGE = 8  # of a frame's grid of latents
PATCH = 2  # latents along an edge of a token


@dataclass(frozen=True)
class VideoConfig(NetworkConfig):
    """Shapes of the networks.

    Attributes:
        channels: of the tokenizer's stride-2 convolutions, coarser ones later.
        latent_channels: numbers of each of the 8 x 8 latents of a frame.
        width: of the transformer's tokens.
        heads: of its attention; a divisor of `width`.
        read_layers: that read the last two frames, whatever is done next.
        layers: that generate the next frame from what was read, and the action.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    latent_channels: int = 16
    width: int = 192
    heads: int = 6
    read_layers: int = 2
    layers: int = 3

    SIZES: ClassVar = {
        **NetworkConfig.SIZES,
        "latent_channels": (3, 1024),
        "width": (8, 4096),
        "heads": (1, 64),
        "read_layers": (1, 64),
        "layers": (1, 64),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.image_size not in (32, 64, 128):
            raise ValueError(f"image_size {self.image_size} must be 32, 64 or 128")

    @property
    def tokens(self) -> int:
        """Of all cameras."""
        return self.cameras * (EDGE // PATCH) ** 2

    @property
    def token_size(self) -> int:
        """Numbers of the latents in a token."""
        return PATCH**2 * self.latent_channels

    @property
    def frame_size(self) -> int:
        """Numbers of the latents of all cameras' frames."""
        return self.tokens * self.token_size
