"""Reliability diagrams of made-up predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wm_planner.evaluation.report.charts import Dot, reliability_diagram
from wm_planner.evaluation.world_model.reliability import reliability

EPISODES, STEPS = 200, 50
EPISODE = np.repeat(np.arange(EPISODES), STEPS)


def drawn(chance: np.ndarray, seed: int = 0) -> np.ndarray:
    """What comes of chances (M,): 0 or 1."""
    return (np.random.default_rng(seed).random(len(chance)) < chance).astype(np.float32)


def chances(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(EPISODES * STEPS).astype(np.float32)


def test_what_comes_true_as_often_as_predicted_lies_on_the_diagonal():
    found = reliability(chances(), drawn(chances()), EPISODE)
    assert len(found.bins) == 10 and found.moments == len(EPISODE) and found.episodes == EPISODES
    assert found.calibration_error < 0.02 and abs(found.signed_error) < 0.01
    assert sum(b.interval.low <= b.predicted <= b.interval.high for b in found.bins) >= 8
    assert found.signed_interval.low < found.signed_error < found.signed_interval.high
    assert all(0.9 * EPISODES < b.episodes <= EPISODES for b in found.bins)


def test_who_is_too_sure_lies_below_the_diagonal_above_a_half_and_above_it_below():
    true = chances()
    sure = np.clip(0.5 + 2 * (true - 0.5), 0, 1)
    found = reliability(sure, drawn(true), EPISODE)
    assert found.calibration_error == pytest.approx(0.125, abs=0.02)  # mean of |2x - x|, clipped
    assert abs(found.signed_error) < 0.02  # as often too high as too low
    low, high = found.bins[0], found.bins[-1]
    assert low.observed > low.interval.low > low.predicted
    assert high.observed < high.interval.high < high.predicted
    optimist = reliability(np.minimum(true + 0.2, 1), drawn(true), EPISODE)
    assert optimist.signed_error == pytest.approx(0.18, abs=0.02)
    assert optimist.signed_interval.low > 0.1


def test_a_constant_prediction_is_one_bin_and_calibrated_if_it_is_the_mean():
    came = drawn(np.full(len(EPISODE), 0.3))
    right = reliability(np.full(len(EPISODE), 0.3), came, EPISODE)
    wrong = reliability(np.full(len(EPISODE), 0.8), came, EPISODE)
    assert len(right.bins) == len(wrong.bins) == 1
    assert right.calibration_error < 0.02
    assert wrong.calibration_error == wrong.signed_error == pytest.approx(0.5, abs=0.02)


def test_empty_bins_and_small_ones_join_their_neighbours():
    predicted = np.r_[np.full(600, 0.05), np.full(5, 0.35), np.full(600, 0.95), np.full(5, 1.2)]
    episode = np.arange(len(predicted)) % 10
    found = reliability(predicted, np.zeros(len(predicted)), episode)
    assert [b.moments for b in found.bins] == [600, 610]  # and what is above 1 is in the last
    assert found.calibration_error == pytest.approx(predicted.mean())
    few = reliability(predicted[:7], predicted[:7], episode[:7])
    assert [b.moments for b in few.bins] == [7] and few.calibration_error == pytest.approx(0)


def test_a_bin_of_a_single_episode_is_none_however_many_its_moments():
    predicted = np.r_[np.full(300, 0.1), np.full(300, 0.9)]
    episode = np.r_[np.arange(300) % 5, np.full(300, 7)]
    assert len(reliability(predicted, predicted, episode).bins) == 1


def test_moments_of_an_episode_that_hang_together_widen_the_interval():
    predicted = np.full(len(EPISODE), 0.5)
    together = drawn(np.full(EPISODES, 0.5)).repeat(STEPS)
    apart = drawn(predicted)
    (wide,), (narrow,) = (reliability(predicted, x, EPISODE).bins for x in (together, apart))
    width = wide.interval.high - wide.interval.low
    assert width == pytest.approx(2 * 1.96 * 0.5 / EPISODES**0.5, rel=0.15)
    assert width > 4 * (narrow.interval.high - narrow.interval.low)


def test_the_same_seed_draws_the_same_intervals():
    first, second, other = (
        reliability(chances(), drawn(chances()), EPISODE, seed) for seed in (3, 3, 4)
    )
    assert first == second != other


@pytest.mark.parametrize("spoilt", [0, 1])
def test_nan_is_refused(spoilt):
    values = [chances(), drawn(chances())]
    values[spoilt][7] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        reliability(*values, EPISODE)


def test_other_lengths_are_refused_and_nothing_is_nan():
    with pytest.raises(ValueError, match=r"expected \(M,\)"):
        reliability(chances(), drawn(chances())[1:], EPISODE)
    empty = reliability(*np.zeros((3, 0)))
    assert empty.bins == () and math.isnan(empty.calibration_error) and empty.moments == 0


def test_the_picture_has_a_dot_and_a_count_for_every_bin():
    drawing = reliability_diagram(
        [Dot(0.1, 0.2, 0.1, 0.3, 12), Dot(0.9, 0.5, 0, 1, 3456)], "x", "y"
    )
    assert drawing.count('class="mark"') == drawing.count('class="range"') == 2
    assert drawing.count('class="guide"') == 1
    assert ">12<" in drawing and ">3,456<" in drawing
    assert reliability_diagram([], "x", "y") == ""
