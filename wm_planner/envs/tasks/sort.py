"""Sort: put each of two cubes on the mark that the instruction says, and leave them there."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.colours import rgba
from wm_planner.envs.props import Cube, Mark, Prop
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.instructions import thing
from wm_planner.envs.tasks.starts import draw_places
from wm_planner.envs.tasks.task import Judgement
from wm_planner.envs.tasks.transfer import (
    LANDMARKS,
    STAY_STEPS,
    Transfer,
    expert_in_order,
    judge_in_order,
    stages_of,
)

_CUBES, _MARKS = ("red", "blue"), ("yellow", "green")
_APART = np.full((4, 4), 0.12)  # m: an open hand fits between any two
_NEAR, _CLEARANCE = 0.40, 0.07  # m: up first, and over the other cube, wherever it is
_CLEAR = 0.06  # m from a place to a cube that is in the way of another


class Sort:
    """Two 4 cm cubes and two marks, each anywhere in a 24 x 36 cm area; the cubes at any yaw.

    Which goes where, and which is named first, is drawn anew for each episode.
    """

    name = "sort"
    time_limit = 250
    landmark_size = 2 * LANDMARKS
    stages: tuple[str, ...] = stages_of("first", "second")

    def __init__(self) -> None:
        self._stayed = 0
        self._wanted(*zip(_CUBES, _MARKS, strict=True))

    def props(self) -> tuple[Prop, ...]:
        cubes = (Cube(f"{colour}_cube", rgba=rgba(colour)) for colour in _CUBES)
        return (*cubes, *(Mark(f"{colour}_mark", rgba=rgba(colour)) for colour in _MARKS))

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._stayed = 0
        marks = rng.permutation(_MARKS)
        moves = tuple(zip(_CUBES, marks, strict=True))
        self._wanted(*(moves if rng.random() < 0.5 else moves[::-1]))
        places = draw_places(rng, _APART)
        for colour, place in zip(_CUBES, places[:2], strict=True):
            name = f"{colour}_cube"
            height = simulation.half_edge(name)
            simulation.place(name, np.r_[place, height], rng.uniform(-np.pi, np.pi))
        for colour, place in zip(_MARKS, places[2:], strict=True):
            simulation.mark(f"{colour}_mark", place)

    def judge(self, simulation: Simulation) -> Judgement:
        transfers = self._transfers(simulation)
        reward, stage, done = judge_in_order(_as_they_come(transfers))
        self._stayed = self._stayed + 1 if done else 0
        landmarks = np.concatenate([transfer.landmarks for transfer in transfers])
        return Judgement(reward, self._stayed >= STAY_STEPS, landmarks, stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return expert_in_order(_as_they_come(self._transfers(simulation)), goal, _NEAR, _CLEARANCE)

    def _wanted(self, *moves: tuple[str, str]) -> None:
        """Each cube's colour, and that of the mark it goes to."""
        self._moves = moves
        self.instruction = instructions.put(
            *((thing(cube, "cube"), thing(mark, "mark")) for cube, mark in moves)
        )

    def _transfers(self, simulation: Simulation) -> list[Transfer]:
        return [
            Transfer.onto_table(
                simulation, f"{cube}_cube", simulation.data.body(f"{mark}_mark").xpos[:2]
            )
            for cube, mark in self._moves
        ]


def _as_they_come(transfers: list[Transfer]) -> list[Transfer]:
    """What is done, then what is in the hand, then what is in the other's way comes first."""

    def key(i: int) -> tuple[bool, bool, bool]:
        mine, other = transfers[i], transfers[1 - i]
        to_other = mine.position[:2] + mine.gap[:2] - other.position[:2]
        blocked = bool(np.linalg.norm(to_other) < _CLEAR)
        return (not mine.done, not mine.grasped, blocked)

    return [transfers[i] for i in sorted(range(len(transfers)), key=key)]
