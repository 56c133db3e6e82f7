"""Shapes of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.network_config import NetworkConfig


@dataclass(frozen=True)
class TDLatentConfig(NetworkConfig):
    """Shapes of the networks.

    Attributes:
        latent_size: size of the latent, a multiple of 8.
    """

    channels: tuple[int, ...] = (16, 32, 32, 64)
    key_points: int = 32
    latent_size: int = 256

    SIZES: ClassVar = {**NetworkConfig.SIZES, "latent_size": (8, 16384)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latent_size % 8:
            raise ValueError(f"latent_size {self.latent_size} must be a multiple of 8")
