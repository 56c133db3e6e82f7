"""Grasp: reach the cube, grasp it, lift it 10 cm and hold it there for a second."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.expert import CLOSE, Hand, grasp, move_to
from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks.task import Judgement

LIFT = 0.10  # m
HOLD_STEPS = 10  # control steps, 1 s
_LIFT_TARGET = 0.13  # m, what the expert aims at


class Grasp:
    """A 4 cm cube anywhere in a 24 x 36 cm area, at any yaw."""

    name = "grasp"
    time_limit = 100
    landmark_size = 4
    stages: tuple[str, ...] = ("reach", "lift", "hold")

    def __init__(self) -> None:
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
        hand, cube = Hand.of(simulation), simulation.data.body("cube").xpos
        offset, height = cube - hand.position, cube[2] - simulation.half_edge("cube")
        grasped = hand.touches_both_sides("cube")
        self._held = self._held + 1 if grasped and height >= LIFT else 0

        reach = 1.0 - np.tanh(5.0 * np.linalg.norm(offset))
        lift = np.clip(height / LIFT, 0.0, 1.0)
        reward = 0.3 * reach + grasped * (0.2 + 0.3 * lift + 0.2 * (height >= LIFT))
        landmarks = np.r_[offset / 0.2, float(grasped)].astype(np.float32)
        stage = int(grasped) + int(grasped and height >= LIFT)
        return Judgement(float(reward), self._held >= HOLD_STEPS, landmarks, stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        hand, cube = Hand.of(simulation), simulation.data.body("cube").xpos
        if hand.touches_both_sides("cube"):
            return move_to(
                goal, np.r_[goal[:2], _LIFT_TARGET + simulation.half_edge("cube")], CLOSE
            )
        return grasp(hand, goal, cube)
