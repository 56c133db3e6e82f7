"""Rank correlation: does more of one go with more of the other, whatever their units."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation in [-1, 1] of two equally long series, ties averaged.

    Zero where one of them never changes: it then says nothing about the other. NaN below 2 pairs,
    and where one of the numbers is not known.
    Source: Spearman 1904, American Journal of Psychology 15.
    """
    a, b = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    if a.shape != b.shape:
        raise ValueError(f"series of {a.size} and {b.size} numbers: expected equally many")
    if a.size < 2 or np.isnan([*a, *b]).any():
        return float("nan")
    ranks = np.stack([_ranks(a), _ranks(b)])  # (2, n)
    spread = ranks.std(1)
    if (spread < 1e-12).any():
        return 0.0
    centred = ranks - ranks.mean(1, keepdims=True)
    return float((centred[0] * centred[1]).mean() / spread.prod())


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (n,) of numbers (n,); equal numbers share their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return ((last - counts + 1 + last) / 2)[group]
