"""Stack: put the cube on the base, let go, and have it stay there for a second."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.starts import draw_places
from wm_planner.envs.tasks.task import Judgement
from wm_planner.envs.tasks.transfer import LANDMARKS, STAGES, STAY_STEPS, Transfer

_APART = 0.12  # m between the two at the start, so that an open hand fits between them


class Stack:
    """A 4 cm cube and a 5 cm base, each anywhere in a 24 x 36 cm area, at any yaw."""

    name = "stack"
    time_limit = 150
    landmark_size = LANDMARKS
    stages: tuple[str, ...] = (*STAGES, "stay")

    def __init__(self) -> None:
        self.instruction = instructions.put(("the red cube", "the blue cube"))
        self._stayed = 0

    def props(self) -> tuple[Cube, ...]:
        return (
            Cube("cube"),
            Cube("base", edge=0.05, mass=0.2, rgba=(0.13, 0.32, 0.72, 1.0)),
        )

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._stayed = 0
        places = draw_places(rng, np.full((2, 2), _APART))
        for name, place in zip(("cube", "base"), places, strict=True):
            height = simulation.half_edge(name)
            simulation.place(name, np.r_[place, height], rng.uniform(-np.pi, np.pi))

    def judge(self, simulation: Simulation) -> Judgement:
        cube = Transfer.onto_cube(simulation, "cube", "base")
        self._stayed = self._stayed + 1 if cube.done else 0
        return Judgement(cube.reward, self._stayed >= STAY_STEPS, cube.landmarks, cube.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return Transfer.onto_cube(simulation, "cube", "base").expert(goal)
