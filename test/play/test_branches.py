"""Futures of one beginning: rewinding, leaving, and going on from what was left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.play.branches import Branches

LEFT, RIGHT = np.array([0.0, -1, 0, 1]), np.array([0.0, 1, 0, 1])


@pytest.fixture
def branches(dream) -> Branches:
    return Branches(dream)


def same(a, b) -> bool:
    """Whether two moments are the same, in the dream and in simulation."""
    return all(
        torch.equal(x, y) for x, y in zip(a.state.latent, b.state.latent, strict=True)
    ) and np.array_equal(a.truth.snapshot.physics, b.truth.snapshot.physics)


def test_acting_at_the_end_makes_the_branch_longer(branches):
    for _ in range(3):
        branches.act(LEFT)
    assert [branch.name for branch in branches.all] == ["a"]
    assert (branches.step, branches.current.steps) == (3, 3)
    assert branches.now.state.steps == 3
    assert branches.now.truth.frames.keys() == {"front", "wrist"}


def test_two_futures_of_one_moment_share_what_was_before_and_differ_after(branches):
    for _ in range(4):
        branches.act(LEFT)
    branches.go(2)
    for _ in range(2):
        branches.act(RIGHT)
    a, b = branches.all
    assert (b.name, b.parent, b.left) == ("b", "a", 2)
    assert all(x is y for x, y in zip(a.moments[:3], b.moments[:3], strict=True))
    assert a.steps == b.steps == 4
    assert not same(a.at(4), b.at(4))
    assert np.array_equal(a.at(4).action, LEFT)
    assert a.at(99) is a.at(4)


def test_the_same_actions_from_a_rewound_moment_have_the_same_consequences(branches):
    for action in (LEFT, RIGHT, RIGHT, LEFT):
        branches.act(action)
    branches.go(1)
    for action in (RIGHT, RIGHT, LEFT):
        branches.act(action)
    a, b = branches.all
    assert same(a.at(4), b.at(4))
    assert a.at(4) is not b.at(4)
    assert a.at(4).belief.reward == b.at(4).belief.reward
    for camera, frame in a.at(4).belief.frames.items():
        assert np.array_equal(frame, b.at(4).belief.frames[camera])


def test_a_branch_that_was_left_goes_on_where_it_ended(branches):
    for _ in range(3):
        branches.act(LEFT)
    branches.go(1)
    branches.act(RIGHT)
    branches.choose("a")
    branches.go(3)
    went_on = branches.act(LEFT)
    assert branches.current.name == "a"
    assert branches.current.steps == 4
    branches.choose("b")
    branches.act(RIGHT)
    straight = Branches(branches._dream)  # from the start of b's end: the dream was recalled
    assert straight.now.state.steps == 3
    assert went_on.state.steps == 4


def test_names_can_be_changed_and_mean_one_branch(branches):
    branches.act(LEFT)
    branches.go(0)
    branches.act(RIGHT)
    branches.rename("a", " to  the left ")
    assert [(b.name, b.parent) for b in branches.all] == [
        ("to the left", None),
        ("b", "to the left"),
    ]
    assert branches.current.name == "b"
    for name, match in (("b", "already"), ("", "1 to 24"), ("x" * 25, "1 to 24")):
        with pytest.raises(UserError, match=match):
            branches.rename("to the left", name)
    with pytest.raises(UserError, match="no branch 'c'; there is to the left, b"):
        branches.choose("c")


def test_a_bad_action_changes_nothing(branches):
    branches.act(LEFT)
    before = branches.now
    with pytest.raises(UserError, match="finite"):
        branches.act(np.full(4, np.nan))
    assert branches.now is before
    assert len(branches.all) == 1
    branches.act(LEFT)
    again = branches.now
    branches.go(1)
    branches.act(LEFT)
    assert same(branches.now, again)


def test_there_is_an_end_of_what_is_kept(branches, monkeypatch):
    monkeypatch.setattr("wm_planner.play.branches._MOST_STEPS", 2)
    monkeypatch.setattr("wm_planner.play.branches._MOST_BRANCHES", 1)
    branches.act(LEFT)
    branches.act(LEFT)
    with pytest.raises(UserError, match="2 steps are kept at most"):
        branches.act(LEFT)
    branches.go(1)
    with pytest.raises(UserError, match="1 branches are kept at most"):
        branches.act(RIGHT)
    with pytest.raises(UserError, match="step is 3, expected 0 to 2"):
        branches.go(3)


def test_without_truth_nobody_simulates(dream):
    before = dream.env.simulation.time
    branches = Branches(dream, with_truth=False)
    assert branches.act(LEFT).truth is None
    assert dream.env.simulation.time == before
