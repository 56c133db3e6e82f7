"""Where a path turns."""

from itertools import pairwise

import numpy as np
import pytest

from wm_planner.learning.corners import corners


def along(*places, steps=10):
    """Straight from place to place, in so many steps each."""
    ends = np.array(places, float)
    shares = np.arange(steps)[:, None] / steps
    legs = [a + shares * (b - a) for a, b in pairwise(ends)]
    return np.concatenate([*legs, ends[-1:]])


def test_a_straight_way_has_none_whatever_its_pace():
    assert not len(corners(along((0, 0), (1, 0), (9, 0)), 0.1))


def test_where_it_turns_and_where_it_turns_back():
    path = along((0, 0), (5, 0), (5, 5), (5, 1))
    assert corners(path, 0.5).tolist() == [10, 20]


def test_trembling_and_pauses_are_none():
    path = along((0, 0), (5, 0), (5, 5))
    path = np.concatenate([path[:5], np.repeat(path[5:6], 20, 0), path[6:]])
    path += np.random.default_rng(0).uniform(-0.2, 0.2, path.shape)
    (corner,) = corners(path, 0.5)
    assert abs(corner - 29) <= 1


@pytest.mark.parametrize("length", [1, 2])
def test_the_ends_are_none(length):
    assert not len(corners(np.arange(length, dtype=float)[:, None], 0.0))


def test_where_the_way_ends_where_it_began_it_turned():
    assert corners(along((0, 0), (3, 0), (0, 0)), 0.5).tolist() == [10]
