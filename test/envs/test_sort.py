"""Sorting is what the instruction says, and says what it is."""

from __future__ import annotations

import pytest
from judging import follow_expert, place, succeeds

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv


@pytest.fixture(scope="module")
def sorting():
    env = ManipulationEnv(EnvConfig("sort", cameras=()))
    yield env
    env.close()


def read(instruction: str) -> list[tuple[str, str]]:
    """Bodies: each cube, and the mark it goes to."""
    _, *words = instruction.split()
    clauses = " ".join(words).split(" and ")
    parts = [clause.removeprefix("the ").split(" on the ") for clause in clauses]
    return [(cube.replace(" ", "_"), mark.replace(" ", "_")) for cube, mark in parts]


def put(env, cube: str, mark: str, off: float = 0.0) -> None:
    x, y, _ = env.simulation.data.body(mark).xpos
    place(env, cube, x + off, y, 0.02)


def test_doing_what_is_said_is_a_success_and_the_opposite_is_none(sorting):
    said = set()
    for seed in range(24):
        sorting.reset(seed=seed)
        said.add(sorting.task.instruction)
        (first, its), (second, others) = read(sorting.task.instruction)
        put(sorting, first, its)
        put(sorting, second, others)
        assert succeeds(sorting)
        put(sorting, first, others)
        put(sorting, second, its)
        assert not succeeds(sorting)
    assert len(said) == 4


def test_one_alone_or_beside_its_mark_is_no_success(sorting):
    sorting.reset(seed=0)
    (first, its), (second, others) = read(sorting.task.instruction)
    put(sorting, first, its)
    assert not succeeds(sorting)
    put(sorting, second, others, off=0.03)
    assert not succeeds(sorting)
    put(sorting, second, others, off=0.02)
    assert succeeds(sorting)


def test_the_expert_begins_with_what_is_named_first(sorting):
    for seed in range(2):
        follow_expert(sorting, "lift first", seed)
        (first, _), _ = read(sorting.task.instruction)
        x, y, _ = sorting.simulation.data.body(first).xpos
        assert sorting.simulation.data.site("panda_hand_tcp").xpos[:2] == pytest.approx(
            (x, y), abs=0.02
        )


def test_a_cube_that_is_still_held_is_no_success(sorting):
    follow_expert(sorting, "release second")
    assert not succeeds(sorting, 20)
