"""Frames to discrete codes of a few digits, each rounded to one of a few levels."""

from __future__ import annotations

from typing import final

from torch import Tensor

from wm_planner.world_models.levels import Usage, code_numbers, level_of, quantized, usage
from wm_planner.world_models.picture_tokenizer import PictureTokenizer
from wm_planner.world_models.tokens.config import TokensConfig


@final
class Tokenizer(PictureTokenizer):
    """What is not a level goes straight through when gradients come back."""

    config: TokensConfig

    def bounded(self, latents: Tensor) -> Tensor:
        return quantized(latents, self.config.levels)

    def levels(self, tokens: Tensor) -> Tensor:
        """Levels (..., K) of the digits of tokens (..., K)."""
        return level_of(tokens, self.config.levels)

    def codes(self, tokens: Tensor) -> Tensor:
        """Numbers (..., codes) of the codes in tokens (..., K)."""
        return code_numbers(tokens.unflatten(-1, (self.config.codes, -1)), self.config.levels)

    def usage(self, tokens: Tensor) -> Usage:
        """Of the codes in tokens (..., K)."""
        digits = tokens.unflatten(-1, (self.config.codes, -1)).flatten(0, -2)  # (M, digits)
        return usage(digits, self.config.levels)
