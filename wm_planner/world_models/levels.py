"""Finite scalar quantization (FSQ: Mentzer 2023, arXiv:2309.15505): numbers become levels.

A code is a few digits, each a number that is rounded to one of a few levels: there is no codebook
to be learned, and none that dies. Levels are equally wide here, so that the outer ones are used as
often as the others.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_STEEPNESS = 0.8  # of the tanh; normal numbers then use all levels alike


class Usage(NamedTuple):
    """Which codes are used."""

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


def quantized(numbers: Tensor, levels: int) -> Tensor:
    """Levels (...) that any numbers (...) become; gradients pass as if nothing were rounded."""
    digits = torch.tanh(_STEEPNESS * numbers)
    return digits + (to_level(digits, levels) - digits).detach()


def code_numbers(digits: Tensor, levels: int) -> Tensor:
    """Numbers (...) of the codes with such digits (..., K), from 0."""
    places = levels ** torch.arange(digits.shape[-1], device=digits.device)
    return (level_of(digits, levels) * places).sum(-1)


def usage(digits: Tensor, levels: int) -> Usage:
    """Of codes (M, K)."""
    counts = code_numbers(digits, levels).unique(return_counts=True)[1]
    shares = [_perplexity(x.bincount()) / levels for x in level_of(digits, levels).unbind(-1)]
    return Usage(len(counts), _perplexity(counts), sum(shares) / len(shares))


def _perplexity(counts: Tensor) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float((-(shares * shares.log()).sum()).exp())
