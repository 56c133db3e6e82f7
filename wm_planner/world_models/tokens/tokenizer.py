"""Frames to discrete codes: finite scalar quantization (FSQ: Mentzer 2023, arXiv:2309.15505).

A code is a few digits, each a number that is rounded to one of a few levels: there is no codebook
to be learned, and none that dies. Levels are equally wide here, so that the outer ones are used as
often as the others.
"""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from wm_planner.world_models.picture_tokenizer import PictureTokenizer
from wm_planner.world_models.tokens.config import TokensConfig

_STEEPNESS = 0.8  # of the tanh; normal numbers then use all levels alike


class Usage(NamedTuple):
    """Which codes a tokenizer uses."""

    codes: int  # that occur at all
    perplexity: float  # of the codes: how many there would be if all were used alike
    digits: float  # perplexity of a digit's levels, as a share of their number, on average


def middles(levels: int) -> Tensor:
    """What the levels of a digit stand for (levels,), inside (-1, 1)."""
    return (2 * torch.arange(levels, dtype=torch.float32) + 1) / levels - 1


def level_of(digits: Tensor, levels: int) -> Tensor:
    """Numbers (...), from 0, of the levels nearest to digits (...)."""
    return ((digits + 1) * (levels / 2)).floor().clamp(0, levels - 1).long()


def to_level(digits: Tensor, levels: int) -> Tensor:
    """What the levels nearest to digits (...) stand for."""
    return ((2 * level_of(digits, levels) + 1) / levels - 1).to(digits.dtype)


@final
class Tokenizer(PictureTokenizer):
    """What is not a level goes straight through when gradients come back."""

    config: TokensConfig

    def bounded(self, latents: Tensor) -> Tensor:
        digits = torch.tanh(_STEEPNESS * latents)
        return digits + (to_level(digits, self.config.levels) - digits).detach()

    def levels(self, tokens: Tensor) -> Tensor:
        """Levels (..., K) of the digits of tokens (..., K)."""
        return level_of(tokens, self.config.levels)

    def codes(self, tokens: Tensor) -> Tensor:
        """Numbers (..., codes) of the codes in tokens (..., K)."""
        c = self.config
        places = c.levels ** torch.arange(c.latent_channels, device=tokens.device)
        return (self.levels(tokens).unflatten(-1, (c.codes, -1)) * places).sum(-1)

    def usage(self, tokens: Tensor) -> Usage:
        """Of the codes in tokens (..., K)."""
        c = self.config
        counts = self.codes(tokens).flatten().unique(return_counts=True)[1]
        levels = self.levels(tokens).unflatten(-1, (c.codes, -1)).flatten(0, -2)  # (M, digits)
        of_digits = [_perplexity(x.bincount()) / c.levels for x in levels.unbind(-1)]
        return Usage(len(counts), _perplexity(counts), sum(of_digits) / len(of_digits))


def _perplexity(counts: Tensor) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float((-(shares * shares.log()).sum()).exp())
