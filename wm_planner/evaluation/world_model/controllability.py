"""Controllability: does another action change the imagined future as it changes the real one?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.branches import Moment
from wm_planner.evaluation.world_model.ranks import rank_correlation

_MATTERS_COSINE, _MATTERS_RATIO = 0.5, 0.25  # from which on a dimension is under control


class Dimension(NamedTuple):
    """One action dimension, between its two extremes."""

    cosine: float  # median, of predicted and real difference
    size_ratio: float  # median, predicted over real

    @property
    def matters(self) -> bool:
        """Whether the model knows what this dimension does, at least by and large."""
        return self.cosine > _MATTERS_COSINE and self.size_ratio > _MATTERS_RATIO


class Controllability(NamedTuple):
    """Over pairs of different actions from the same state."""

    rank_correlation: float  # of all numbers of the predicted and real differences, with their sign
    cosine: float  # median of the half of the pairs whose real difference is largest
    size_ratio: float  # the same, predicted over real
    size_rank_correlation: float  # of the sizes of predicted and real differences
    dimensions: tuple[Dimension, ...]  # A
    predicted_sizes: Tensor  # (pairs,)
    real_sizes: Tensor  # (pairs,)

    @property
    def share_of_dimensions(self) -> float:
        """Share of the action dimensions that matter to the model as they do in the world."""
        return sum(d.matters for d in self.dimensions) / len(self.dimensions)


def actions_to_try(
    moments: Sequence[Moment], steps: int, others: int, switches: tuple[int, ...], seed: int
) -> Tensor:
    """Held for `steps`, (M, 2 A + others, steps, A).

    First each dimension at -1 and at +1, the rest as the policy acted there; then random actions.
    """
    base = torch.stack([moment.action for moment in moments])  # (M, A)
    m, a = base.shape
    tried = base[:, None].repeat(1, 2 * a, 1)  # (M, 2 A, A)
    for dimension in range(a):
        tried[:, 2 * dimension, dimension] = -1
        tried[:, 2 * dimension + 1, dimension] = 1
    generator = torch.Generator().manual_seed(seed)
    drawn = 2 * torch.rand(m, others, a, generator=generator) - 1
    for switch in switches:
        drawn[..., switch] = drawn[..., switch].sign()
    return torch.cat([tried, drawn], 1)[:, :, None].repeat(1, 1, steps, 1)


def controllability(predicted: Tensor, real: Tensor, action_size: int) -> Controllability:
    """From latents, or readouts of them, after the actions of `actions_to_try`: (M, N, D) each."""
    if predicted.shape != real.shape or real.shape[1] < 2 * action_size:
        raise ValueError(
            f"shapes {tuple(predicted.shape)}, {tuple(real.shape)}: expected (M, N, D) both, "
            f"with N at least {2 * action_size}"
        )
    i, j = torch.triu_indices(real.shape[1], real.shape[1], 1)
    guess = (predicted[:, i] - predicted[:, j]).flatten(0, 1)  # (pairs, D)
    fact = (real[:, i] - real[:, j]).flatten(0, 1)
    sizes, real_sizes = guess.norm(dim=-1), fact.norm(dim=-1)
    large = real_sizes >= real_sizes.median()
    return Controllability(
        rank_correlation(guess, fact),
        _median(_cosines(guess, fact)[large]),
        _median(sizes[large] / real_sizes[large].clamp_min(1e-9)),
        rank_correlation(sizes, real_sizes),
        tuple(_dimension(predicted, real, d) for d in range(action_size)),
        sizes,
        real_sizes,
    )


def _dimension(predicted: Tensor, real: Tensor, d: int) -> Dimension:
    guess = predicted[:, 2 * d + 1] - predicted[:, 2 * d]  # (M, D)
    fact = real[:, 2 * d + 1] - real[:, 2 * d]
    ratio = guess.norm(dim=-1) / fact.norm(dim=-1).clamp_min(1e-9)
    return Dimension(_median(_cosines(guess, fact)), _median(ratio))


def _cosines(guess: Tensor, fact: Tensor) -> Tensor:
    """(pairs,); zero where either does not change."""
    return torch.cosine_similarity(guess, fact, dim=-1, eps=1e-9)


def _median(values: Tensor) -> float:
    return float(values.median())
