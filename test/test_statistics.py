"""Intervals and percentiles against published and NumPy's values."""

import math

import numpy as np
import pytest

from wm_planner.statistics import percentile, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (98, 100, 0.930, 0.994),
        (100, 100, 0.963, 1.0),
        (0, 10, 0.0, 0.278),
        (81, 263, 0.255, 0.366),  # Newcombe 1998, Statistics in Medicine 17, table I
        (15, 148, 0.062, 0.161),
        (1, 29, 0.006, 0.172),
    ],
)
def test_wilson_gives_published_intervals(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=6e-4)


def test_wilson_narrows_with_trials_and_mirrors():
    few, many = wilson(9, 10), wilson(900, 1000)
    assert many.high - many.low < few.high - few.low
    assert wilson(3, 10) == pytest.approx((1 - wilson(7, 10).high, 1 - wilson(7, 10).low))


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_no_proportion(successes, trials):
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(successes, trials)


@pytest.mark.parametrize("q", [0, 5, 50, 95, 99, 100])
@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_percentile_is_numpys(size, q):
    values = np.random.default_rng(size).normal(size=size).tolist()
    assert percentile(values, q) == pytest.approx(np.percentile(values, q))


def test_percentile_of_nothing_is_nan():
    assert math.isnan(percentile([], 50))
