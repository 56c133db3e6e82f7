"""Shapes of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.video_config import VideoConfig


@dataclass(frozen=True)
class FlowConfig(VideoConfig):
    """Shapes of the networks.

    Attributes:
        samples: steps from noise to a frame when planning; 1 generates the mean.
    """

    samples: int = 1

    SIZES: ClassVar = {**VideoConfig.SIZES, "samples": (1, 1000)}
