"""Paired statistics against numbers worked out by hand, and against chance."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.evaluation.paired import Pairs, difference, mcnemar
from wm_planner.statistics import wilson


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 6, 2 / 64),
        (2, 12, 2 * (1 + 14 + 91) / 2**14),
        (5, 5, 1.0),
    ],
)
def test_mcnemar_is_a_sign_test_on_the_seeds_that_differ(only_a, only_b, p):
    assert mcnemar(Pairs(30, only_a, only_b, 4)) == pytest.approx(p)
    assert mcnemar(Pairs(0, only_b, only_a, 99)) == pytest.approx(p)


def test_the_interval_of_a_table_worked_out_by_hand():
    """36 both, 2 only A, 12 only B, none neither: B - A = 0.2, phi = -24 / sqrt(38*12*48*2)."""
    a_low, a_high = wilson(38, 50)
    b_low, b_high = wilson(48, 50)
    phi = -24 / np.sqrt(38 * 12 * 48 * 2)
    below, above = 0.96 - b_low, a_high - 0.76
    low = 0.2 - np.sqrt(below**2 - 2 * phi * below * above + above**2)
    below, above = b_high - 0.96, 0.76 - a_low
    high = 0.2 + np.sqrt(below**2 - 2 * phi * below * above + above**2)
    assert difference(Pairs(36, 2, 12, 0)) == pytest.approx((low, high))
    assert 0.05 < low < 0.07 and 0.32 < high < 0.35


def test_swapping_the_two_turns_the_interval_around():
    low, high = difference(Pairs(20, 3, 9, 8))
    assert difference(Pairs(20, 9, 3, 8)) == pytest.approx((-high, -low))


@pytest.mark.parametrize("pairs", [Pairs(50, 0, 0, 0), Pairs(0, 0, 0, 50), Pairs(1, 0, 0, 0)])
def test_two_that_always_agree_may_still_differ_a_little(pairs):
    low, high = difference(pairs)
    assert low < 0 < high and -low == pytest.approx(high)


def test_without_pairs_there_is_no_interval():
    with pytest.raises(ValueError, match="at least one"):
        difference(Pairs(0, 0, 0, 0))


@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_the_interval_holds_the_truth_as_often_as_it_says(shared):
    """A succeeds at 0.8 and B at 0.9, on seeds that are, as far as `shared`, easy for both."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(800):
        common, own = rng.random(60), rng.random((2, 60))
        luck = np.where(rng.random(60) < shared, common, own)
        a, b = luck[0] < 0.8, luck[1] < 0.9
        low, high = difference(Pairs(*(int(x.sum()) for x in (a & b, a & ~b, ~a & b, ~a & ~b))))
        hits += low <= 0.1 <= high
    assert 0.93 < hits / 800 < 0.99
