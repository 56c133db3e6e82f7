"""How the generator learns to draw frames from noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from einops import reduce
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.world_models.flow.network import Flow
from wm_planner.world_models.video_losses import (
    VideoLossConfig,
    VideoLosses,
    normal_like,
    uniform_like,
)
from wm_planner.world_models.video_model import Coming


@dataclass(frozen=True)
class FlowLossConfig(VideoLossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        tokenizer_noise: standard deviation on tokens that are decoded while it learns.
    """

    tokenizer_noise: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.tokenizer_noise <= self.MOST_NOISE:
            raise UserError(
                f"tokenizer_noise is {self.tokenizer_noise}, expected from 0 to {self.MOST_NOISE:g}"
            )


@final
class FlowLosses(VideoLosses[Flow]):
    """The clean next frame's tokens are predicted from noisy ones; noise has normal numbers."""

    config: FlowLossConfig

    def softened(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        return tokens + normal_like(tokens, generator) * self.config.tokenizer_noise

    def disturbed(self, frame: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
        return frame + level[..., None] * normal_like(frame, generator)

    def attempt(
        self, coming: Coming, true: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Errors are in units of the noise that was left, up to a bound: the flow's own error."""
        time = _times(true[:, :1, 0], generator)
        noisy = torch.lerp(normal_like(true, generator), true, time[..., None])
        frame = self.model.generate(coming, noisy, time)
        error = reduce((frame.float() - true).square(), "m s k -> m s", "mean")
        return frame, error / (1.0 - time).square().clamp_min(0.1)


def _times(like: Tensor, generator: torch.Generator) -> Tensor:
    """How far from noise to the frame (M, 1): for half of them not at all, as when planning."""
    normal = normal_like(like, generator)
    begins = uniform_like(like, generator) < 0.5
    return torch.sigmoid(normal).masked_fill(begins, 0.0)
