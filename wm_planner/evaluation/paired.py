"""Two planners on the same starts: what of a difference is more than chance."""

from __future__ import annotations

import math
from typing import NamedTuple

from wm_planner.statistics import Interval, wilson


class Pairs(NamedTuple):
    """Trials of the same seeds, by outcome."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def n(self) -> int:
        return sum(self)


def mcnemar(pairs: Pairs) -> float:
    """Two-sided exact McNemar test: p-value of A and B being equally good.

    Of the seeds that only one of them solved, each solves half by chance (McNemar 1947,
    Psychometrika 12:153; exact as a sign test, Fay 2010, Biostatistics 11:373).
    """
    discordant = pairs.only_a + pairs.only_b
    fewer = min(pairs.only_a, pairs.only_b)
    tail = sum(math.comb(discordant, k) for k in range(fewer + 1)) / 2**discordant
    return min(1.0, 2 * tail)


def difference(pairs: Pairs, z: float = 1.959964) -> Interval:
    """Interval of B's success rate minus A's, 95 % by default.

    Newcombe's hybrid score interval for paired proportions, method 10 (1998, Statistics in
    Medicine 17:2635).
    """
    if pairs.n == 0:
        raise ValueError("no pair of trials, expected at least one")
    a, b = (pairs.both + pairs.only_a) / pairs.n, (pairs.both + pairs.only_b) / pairs.n
    (a_low, a_high), (b_low, b_high) = (
        wilson(pairs.both + only, pairs.n, z) for only in (pairs.only_a, pairs.only_b)
    )
    phi = _correlation(pairs)

    def hybrid(first: float, second: float) -> float:
        return math.sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))

    return Interval(b - a - hybrid(b - b_low, a_high - a), b - a + hybrid(b_high - b, a - a_low))


def _correlation(pairs: Pairs) -> float:
    """Of the outcomes, shrunk towards zero as Newcombe does when positive."""
    a, b, c, d = pairs
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product = float(a * d - b * c)
    if product > 0:
        product = max(0.0, product - pairs.n / 2)
    return product / math.sqrt(margins)
