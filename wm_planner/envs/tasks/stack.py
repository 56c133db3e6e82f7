"""Stack: put the cube on the base, let go, and have it stay there for a second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.expert import CLOSE, OPEN, Hand, grasp, move_to
from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks.task import Judgement

STAY_STEPS = 10  # control steps, 1 s
_APART = 0.12  # m between the two at the start, so that an open hand fits between them
_CLEARANCE = 0.045  # m the expert carries the cube above the base
_ALIGNED = 0.025  # m the cube's centre may be off the base's: it would tip at half the base's edge
_RESTING = 0.008  # m above or below where it lies flat


class Stack:
    """A 4 cm cube and a 5 cm base, each anywhere in a 24 x 36 cm area, at any yaw."""

    name = "stack"
    time_limit = 150
    landmark_size = 8
    stages: tuple[str, ...] = ("reach", "lift", "align", "place", "release", "stay")

    def __init__(self) -> None:
        self._stayed = 0

    def props(self) -> tuple[Cube, ...]:
        return (
            Cube("cube"),
            Cube("base", edge=0.05, mass=0.2, rgba=(0.13, 0.32, 0.72, 1.0)),
        )

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._stayed = 0
        cube = base = rng.uniform([0.38, -0.18], [0.62, 0.18])
        while np.linalg.norm(cube - base) < _APART:
            base = rng.uniform([0.38, -0.18], [0.62, 0.18])
        for name, place in (("cube", cube), ("base", base)):
            height = simulation.half_edge(name)
            simulation.place(name, np.r_[place, height], rng.uniform(-np.pi, np.pi))

    def judge(self, simulation: Simulation) -> Judgement:
        hand, places = Hand.of(simulation), _Places.of(simulation)
        offset = places.cube - hand.position
        grasped, touched = hand.touches_both_sides("cube"), hand.touches("cube")
        self._stayed = self._stayed + 1 if places.placed and not touched else 0

        distance = float(np.linalg.norm(offset))
        if places.placed and not touched:
            reward = 0.85 + 0.15 * np.clip(distance / 0.06, 0.0, 1.0)
        else:
            lift = np.clip(places.lift / 0.06, 0.0, 1.0)
            align = lift * (1.0 - np.tanh(6.0 * places.sideways))
            lower = 1.0 - np.tanh(12.0 * np.linalg.norm(places.gap))
            reward = 0.2 * (1.0 - np.tanh(5.0 * distance))
            reward += grasped * (0.1 + 0.15 * lift + 0.25 * align + 0.15 * lower)
        flags = np.r_[float(grasped), float(places.placed)]
        landmarks = np.r_[offset / 0.2, places.gap / 0.2, flags].astype(np.float32)
        stage = _stage(places, grasped, touched)
        return Judgement(float(reward), self._stayed >= STAY_STEPS, landmarks, stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        hand, places = Hand.of(simulation), _Places.of(simulation)
        if places.placed:
            away = np.r_[goal[:2], places.cube[2] + 0.08]
            return move_to(goal, away if hand.width > 0.06 else hand.position, OPEN)
        if not hand.touches_both_sides("cube"):
            return grasp(hand, goal, places.cube)
        target = hand.position + places.gap
        if places.sideways > 0.012:
            low = places.gap[2] > -0.5 * _CLEARANCE
            target[2] += _CLEARANCE
            if low and places.sideways < _APART:  # straight up: the base is in the way
                target[:2] = goal[:2]
        return move_to(goal, target, CLOSE)


class _Places(NamedTuple):
    """Where the two are."""

    cube: np.ndarray  # (3,) m
    gap: np.ndarray  # (3,) m from the cube to its place on the base
    lift: float  # m, the cube above the table

    @classmethod
    def of(cls, simulation: Simulation) -> _Places:
        cube, base = (simulation.data.body(name).xpos.copy() for name in ("cube", "base"))
        half, base_half = simulation.half_edge("cube"), simulation.half_edge("base")
        return cls(cube, base - cube + np.r_[0, 0, base_half + half], cube[2] - half)

    @property
    def sideways(self) -> float:
        return float(np.linalg.norm(self.gap[:2]))

    @property
    def placed(self) -> bool:
        return self.sideways < _ALIGNED and abs(self.gap[2]) < _RESTING


def _stage(places: _Places, grasped: bool, touched: bool) -> int:
    if places.placed:
        return 4 if touched else 5
    if not grasped:
        return 0
    if places.lift < 0.02:
        return 1
    return 2 if places.sideways > _ALIGNED else 3
