"""Shapes of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.network_config import NetworkConfig

ENCODERS = ("conv", "vit")


@dataclass(frozen=True)
class JepaConfig(NetworkConfig):
    """Shapes of the networks.

    Attributes:
        features: numbers that a camera's frame becomes.
        predictor_size: width of the networks that foresee features.
        subgoal_steps: how far ahead the slower level proposes what should be seen, steps.
        encoder: conv is learned with the rest; vit is a frozen vision transformer from a file, see
            `encoder_weights` of the losses, and only what reads its patches is learned.
        vit_width: size of the transformer's tokens.
        vit_depth: number of its blocks.
        vit_heads: attention heads of a block; they divide the width.
        vit_patch: edge of a patch, pixels; it divides the frame's.
    """

    channels: tuple[int, ...] = (16, 32, 48, 64)
    features: int = 128
    predictor_size: int = 384
    subgoal_steps: int = 10
    encoder: str = "conv"
    vit_width: int = 64
    vit_depth: int = 3
    vit_heads: int = 4
    vit_patch: int = 8

    SIZES: ClassVar = {
        **NetworkConfig.SIZES,
        "features": (1, 4096),
        "predictor_size": (1, 16384),
        "subgoal_steps": (1, 1000),
        "vit_width": (1, 4096),
        "vit_depth": (1, 64),
        "vit_heads": (1, 64),
        "vit_patch": (1, 256),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder {self.encoder!r} must be one of {', '.join(ENCODERS)}")
        if self.vit_width % self.vit_heads:
            raise ValueError(f"vit_width {self.vit_width} must be a multiple of vit_heads")
        if self.encoder == "vit" and self.image_size % self.vit_patch:
            raise ValueError(f"image_size {self.image_size} must be a multiple of vit_patch")
