"""How the generator learns which codes come next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.levels import to_level
from wm_planner.world_models.tokens.network import Tokens
from wm_planner.world_models.tokens.tokenizer import Tokenizer
from wm_planner.world_models.video_losses import VideoLossConfig, VideoLosses, uniform_like
from wm_planner.world_models.video_model import Coming


@dataclass(frozen=True)
class TokensLossConfig(VideoLossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        generation: cross-entropy of the next frame's digits that are masked.
        context_noise: largest share of the true frames' digits that are others, as the generator
            is given them.
    """

    context_noise: float = 0.1

    MOST_NOISE: ClassVar = 1.0


@final
class TokensLosses(VideoLosses[Tokens]):
    """Codes that are masked are told from those that are not; for half of the frames, all are."""

    config: TokensLossConfig

    def softened(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        return tokens

    def disturbed(self, frame: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
        others = to_level(2 * uniform_like(frame, generator) - 1, self.model.config.levels)
        return torch.where(uniform_like(frame, generator) < level[..., None], others, frame)

    def attempt(
        self, coming: Coming, true: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        model = self.model
        masked = self._masked(true, generator)
        hidden = model.each_digit(masked)
        logs = model.logs(coming, true, masked)
        levels = self._tokenizer.levels(true)
        error = -logs.gather(-1, levels[..., None])[..., 0] * hidden  # (M, S, K)
        frame = torch.where(hidden, model.planned(logs), true)
        return frame, error.sum(-1) / hidden.sum(-1).clamp_min(1)

    def measured(self, batch: Batch) -> dict[str, Tensor]:
        """Which codes the tokenizer uses, see Usage."""
        with torch.no_grad():
            tokens = self._tokenizer.encode(batch.images, batch.actions.dtype)
        used = self._tokenizer.usage(tokens)._asdict()
        return {name: torch.tensor(float(value)) for name, value in used.items()}

    @property
    def _tokenizer(self) -> Tokenizer:
        assert isinstance(self.model.tokenizer, Tokenizer)
        return self.model.tokenizer

    def _masked(self, true: Tensor, generator: torch.Generator) -> Tensor:
        """Which codes (M, S, codes) of the true frames (M, S, K) are to be told."""
        like = true[:, :1, :1]
        share = torch.cos(math.pi / 2 * uniform_like(like, generator))
        share = share.masked_fill(uniform_like(like, generator) < 0.5, 1.0)
        codes = true[..., : self.model.config.codes]
        return uniform_like(codes, generator) < share
