"""Shapes of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.video_config import PATCH, VideoConfig


@dataclass(frozen=True)
class TokensConfig(VideoConfig):
    """Shapes of the networks.

    Attributes:
        latent_channels: digits of a code; each of the 8 x 8 places of a frame has one code.
        levels: values of a digit; there are `levels` ** `latent_channels` codes.
        rounds: of parallel decoding when planning; 1 decodes all codes at once.
        likeliest: when planning, a frame's digits are the likeliest ones; else the expected ones,
            which lie between the levels where it is not sure.
    """

    latent_channels: int = 6
    width: int = 160
    heads: int = 5
    levels: int = 8
    rounds: int = 1
    likeliest: bool = False

    SIZES: ClassVar = {
        **VideoConfig.SIZES,
        "latent_channels": (1, 16),
        "levels": (2, 256),
        "rounds": (1, 100),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.levels**self.latent_channels >= 2**62:
            raise ValueError(
                f"levels {self.levels} ** latent_channels {self.latent_channels} is more codes "
                "than can be numbered; take fewer of both"
            )

    @property
    def codes(self) -> int:
        """In a token."""
        return PATCH**2
