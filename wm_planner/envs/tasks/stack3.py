"""Stack3: a tower of three, blue, green and red from below, that stands for a second."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.colours import rgba
from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
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

_APART = np.array(  # m: an open hand fits between any two, and beside the tower of the first two
    [[0.00, 0.12, 0.17], [0.12, 0.00, 0.12], [0.17, 0.12, 0.00]]
)
_NEAR = 0.40  # m: straight up first, from anywhere: the tower is high


class Stack3:
    """Two 4 cm cubes and a 5 cm base, each anywhere in a 24 x 36 cm area, at any yaw."""

    name = "stack3"
    time_limit = 250
    landmark_size = 2 * LANDMARKS
    stages: tuple[str, ...] = stages_of("middle", "top")

    def __init__(self) -> None:
        self.instruction = instructions.put(
            ("the green cube", "the blue cube"), ("the red cube", "the green cube")
        )
        self._stayed = 0

    def props(self) -> tuple[Cube, ...]:
        return (
            Cube("base", edge=0.05, mass=0.2, rgba=rgba("blue")),
            Cube("middle", rgba=rgba("green")),
            Cube("top", rgba=rgba("red")),
        )

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._stayed = 0
        for prop, place in zip(self.props(), draw_places(rng, _APART), strict=True):
            height = simulation.half_edge(prop.name)
            simulation.place(prop.name, np.r_[place, height], rng.uniform(-np.pi, np.pi))

    def judge(self, simulation: Simulation) -> Judgement:
        transfers = _transfers(simulation)
        reward, stage, done = judge_in_order(transfers)
        self._stayed = self._stayed + 1 if done else 0
        landmarks = np.concatenate([transfer.landmarks for transfer in transfers])
        return Judgement(reward, self._stayed >= STAY_STEPS, landmarks, stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return expert_in_order(_transfers(simulation), goal, _NEAR)


def _transfers(simulation: Simulation) -> tuple[Transfer, Transfer]:
    return (
        Transfer.onto_cube(simulation, "middle", "base"),
        Transfer.onto_cube(simulation, "top", "middle"),
    )
