"""Grasp: reach the cube, grasp it, lift it 10 cm and hold it there for a second."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.lifting import HOLD_STEPS, STAGES, Lift
from wm_planner.envs.tasks.task import Judgement


class Grasp:
    """A 4 cm cube anywhere in a 24 x 36 cm area, at any yaw."""

    name = "grasp"
    time_limit = 100
    landmark_size = 4
    stages: tuple[str, ...] = STAGES

    def __init__(self) -> None:
        self.instruction = instructions.lift("the red cube")
        self._held = 0

    def props(self) -> tuple[Cube, ...]:
        return (Cube("cube"),)

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._held = 0
        place = rng.uniform([0.38, -0.18], [0.62, 0.18])
        simulation.place(
            "cube", np.r_[place, simulation.half_edge("cube")], rng.uniform(-np.pi, np.pi)
        )

    def judge(self, simulation: Simulation) -> Judgement:
        cube = _cube(simulation)
        self._held = self._held + 1 if cube.up else 0
        landmarks = np.r_[cube.offset / 0.2, float(cube.grasped)].astype(np.float32)
        return Judgement(cube.reward, self._held >= HOLD_STEPS, landmarks, cube.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return _cube(simulation).expert(goal)


def _cube(simulation: Simulation) -> Lift:
    return Lift.of(simulation, "cube", simulation.half_edge("cube"))
