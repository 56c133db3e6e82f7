"""A new model passes where held-out trials say that it is no worse than the old one."""

from __future__ import annotations

import pytest

from wm_planner.errors import UserError
from wm_planner.learning.gate import judge


def outcomes(successes: int, trials: int, first: int = 0) -> dict[int, bool]:
    """Successes first, of seeds from `first` on."""
    return {first + i: i < successes for i in range(trials)}


def verdict(old: int, new: int, trials: int, margin: float = 0.04):
    return judge("grasp", "the old model", outcomes(old, trials), outcomes(new, trials), margin)


@pytest.mark.parametrize(
    ("old", "new", "trials", "passed"),
    [
        (25, 25, 50, True),  # the same
        (0, 0, 10, True),
        (25, 40, 50, True),  # better
        (50, 48, 50, True),  # two of 50 fewer is within the margin
        (50, 47, 50, False),
        (10, 9, 10, False),  # the margin of ten trials is none
        (100, 50, 100, False),  # far worse
    ],
)
def test_no_worse_is_at_most_the_margin_fewer(old, new, trials, passed):
    assert verdict(old, new, trials).passed == passed


def test_a_wide_margin_is_no_way_around_significance():
    """Eight successes fewer of 100, none more: p = 0.008."""
    assert not verdict(100, 92, 100, margin=0.5).passed
    assert verdict(100, 97, 100, margin=0.5).passed  # p = 0.25


def test_trials_that_differ_both_ways_are_weighed_against_each_other():
    old, new = outcomes(10, 40), outcomes(20, 40)
    new.update(dict.fromkeys(range(8), False))  # two more, eight lost, ten won
    found = judge("grasp", "the old model", old, new, 0.0)
    assert (found.pairs.only_a, found.pairs.only_b, found.successes) == (8, 10, (10, 12))
    assert found.passed


def test_what_is_told_has_rates_with_intervals_and_the_test():
    assert verdict(50, 40, 50).told() == (
        "grasp: 40/50 (67% to 89%), the old model 50/50 (93% to 100%); McNemar's p 0.002, up to 2 "
        "fewer allowed: worse"
    )
    plain = verdict(50, 40, 50).plain()
    assert (plain["successes"], plain["only_old"]) == ({"old": 50, "new": 40}, 10)


def test_other_seeds_are_refused():
    for new in (outcomes(5, 10, first=1), outcomes(5, 9)):
        with pytest.raises(UserError, match="expected the same seeds for both"):
            judge("grasp", "the old model", outcomes(5, 10), new, 0.0)


def test_few_trials_say_nothing():
    with pytest.raises(UserError, match="9 held-out trials, expected at least 10"):
        verdict(9, 9, 9)
