"""Random numbers for a batch of episodes.

With a generator for each batch element, what an episode draws does not depend on which others are
planned beside it: the same seed gives the same trial, alone or among a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator]
"""One for the whole batch, or one for each batch element."""


class Noise(NamedTuple):
    """What choices of both kinds are drawn from: actions, and switches."""

    normal: Tensor  # standard normal
    uniform: Tensor  # in [0, 1)


def draw_noise(shape: Sequence[int], generators: Generators, device: torch.device) -> Noise:
    """Both of `shape` (B, ...)."""
    return Noise(normal(shape, generators, device), uniform(shape, generators, device))


def normal(shape: Sequence[int], generators: Generators, device: torch.device) -> Tensor:
    """Standard normal numbers of `shape` (B, ...)."""
    return _draw(torch.randn, shape, generators, device)


def uniform(shape: Sequence[int], generators: Generators, device: torch.device) -> Tensor:
    """Uniform numbers in [0, 1) of `shape` (B, ...)."""
    return _draw(torch.rand, shape, generators, device)


def _draw(
    draw: Callable[..., Tensor],
    shape: Sequence[int],
    generators: Generators,
    device: torch.device,
) -> Tensor:
    if isinstance(generators, torch.Generator):
        return draw(*shape, generator=generators, device=device)
    if len(generators) != shape[0]:
        raise ValueError(f"{len(generators)} generators for a batch of {shape[0]}: one for each")
    return torch.stack([draw(*shape[1:], generator=g, device=device) for g in generators])
