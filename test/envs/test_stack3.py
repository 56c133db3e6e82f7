"""A tower of three is all three in their order, and nobody holding it."""

from __future__ import annotations

import pytest
from judging import follow_expert, place, succeeds

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv


@pytest.fixture(scope="module")
def tower():
    env = ManipulationEnv(EnvConfig("stack3", cameras=()))
    yield env
    env.close()


def build(env, middle: tuple[float, float], top: tuple[float, float]) -> None:
    """On a base at (0.5, 0); middle and top at y and z."""
    env.reset(seed=0)
    place(env, "base", 0.5, 0.0, 0.025)
    place(env, "middle", 0.5, *middle)
    place(env, "top", 0.5, *top)


def test_blue_green_red_from_below_is_a_success(tower):
    build(tower, (0.0, 0.07), (0.01, 0.11))
    assert succeeds(tower)


@pytest.mark.parametrize(
    ("middle", "top"),
    [
        ((0.0, 0.11), (0.0, 0.07)),  # green on red
        ((0.2, 0.02), (0.2, 0.06)),  # beside the base
        ((0.0, 0.07), (0.2, 0.02)),  # two only
        ((0.0, 0.07), (0.0, 0.16)),  # red in the air
        ((0.03, 0.07), (0.03, 0.11)),  # over the edge
    ],
)
def test_anything_else_is_none(tower, middle, top):
    build(tower, middle, top)
    assert not succeeds(tower)


def test_a_tower_in_the_hand_is_none(tower):
    follow_expert(tower, "release top")
    assert not succeeds(tower, 20)


def test_what_is_said_is_what_is_built(tower):
    assert tower.task.instruction == (
        "put the green cube on the blue cube and the red cube on the green cube"
    )
