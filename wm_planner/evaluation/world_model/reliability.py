"""Reliability diagrams: of what was predicted to be so sure, how much came true?

Source: DeGroot and Fienberg 1983, The Statistician 32; the expected calibration error as in Guo
2017, arXiv:1706.04599, of bins that are joined until there is enough in each.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wm_planner.statistics import Interval

_LEAST_MOMENTS, _LEAST_EPISODES = 20, 3  # of a bin; with fewer it joins the next one


class Bin(NamedTuple):
    """Moments whose predictions were alike."""

    predicted: float  # mean
    observed: float  # mean
    interval: Interval  # of the mean observed, 95 %
    moments: int
    episodes: int  # that these moments are of


class Reliability(NamedTuple):
    """Predictions in [0, 1] beside what then was observed."""

    bins: tuple[Bin, ...]  # rising
    calibration_error: float  # mean absolute error of the bins, each counting its moments
    signed_error: float  # mean predicted minus mean observed; above 0: too sure
    signed_interval: Interval  # of that, 95 %
    moments: int
    episodes: int


def reliability(
    predicted: np.ndarray,
    observed: np.ndarray,
    episode: np.ndarray,
    seed: int = 0,
    bins: int = 10,
    resamples: int = 2000,
) -> Reliability:
    """Of predictions (M,) and what came (M,), at moments of the episodes of number (M,).

    There are `bins` of equal width over [0, 1]; what lies beyond counts to the outermost. Moments
    of an episode hang together, so intervals are percentiles of a bootstrap that draws whole
    episodes, `resamples` times (Efron and Tibshirani 1993, An Introduction to the Bootstrap); where
    all episodes of a bin agree, it knows of no uncertainty. Without moments all is NaN.

    Raises:
        ValueError: not as many of each, or some of them not finite.
    """
    if not predicted.shape == observed.shape == episode.shape or predicted.ndim != 1:
        shapes = predicted.shape, observed.shape, episode.shape
        raise ValueError(f"{shapes}: expected (M,) each")
    if not (np.isfinite(predicted).all() and np.isfinite(observed).all()):
        raise ValueError("predictions or observations are not finite: leave such moments out")
    if not len(predicted):
        nothing = Interval(math.nan, math.nan)
        return Reliability((), math.nan, math.nan, nothing, 0, 0)
    predicted, observed = predicted.astype(np.float64), observed.astype(np.float64)
    episode = np.unique(episode, return_inverse=True)[1]  # (M,) from 0 on, without gaps
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    which = _joined(np.digitize(predicted, edges), episode, bins)  # (M,)
    counts, guesses, facts = (_sums(which, episode, x) for x in (None, predicted, observed))
    total, guessed, came = counts.sum(0), guesses.sum(0), facts.sum(0)  # (Q,)
    rng, e = np.random.default_rng(seed), len(counts)
    drawn = rng.multinomial(e, np.full(e, 1 / e), resamples)  # (R, E) how often each episode
    with np.errstate(invalid="ignore"):  # in some resamples a bin has no moments
        shares = (drawn @ facts) / (drawn @ counts)  # (R, Q)
    signed = (drawn @ (guesses - facts).sum(1)) / (drawn @ counts.sum(1))  # (R,)
    found = tuple(
        Bin(
            float(guessed[q] / total[q]),
            float(came[q] / total[q]),
            _middle(shares[:, q]),
            int(total[q]),
            int((counts[:, q] > 0).sum()),
        )
        for q in range(len(total))
    )
    return Reliability(
        found,
        float(np.abs(guessed - came).sum() / total.sum()),
        float((guessed - came).sum() / total.sum()),
        _middle(signed),
        len(predicted),
        e,
    )


def _joined(which: np.ndarray, episode: np.ndarray, bins: int) -> np.ndarray:
    """Bins (M,), numbered from 0 on, of which each has enough: too small ones join the next.

    The last ones join the one before; a single bin holds all where there is too little.
    """
    number, numbers, first = 0, np.empty(bins, np.int64), 0
    for q in range(bins):
        numbers[q] = number
        inside = (which >= first) & (which <= q)
        if inside.sum() >= _LEAST_MOMENTS and len(set(episode[inside])) >= _LEAST_EPISODES:
            number, first = number + 1, q + 1
    numbers[first:] = max(0, number - 1)
    return numbers[which]


def _sums(which: np.ndarray, episode: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """Sums (E, Q) of values (M,) by episode and bin; how many there are where None."""
    e, q = episode.max() + 1, which.max() + 1
    return np.bincount(episode * q + which, values, e * q).reshape(e, q)


def _middle(values: np.ndarray) -> Interval:
    """Where 95 % of the values (R,) lie."""
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(float(low), float(high))
