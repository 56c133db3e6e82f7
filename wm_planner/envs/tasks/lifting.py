"""Lifting one thing: where it is, what that is worth, and how an expert does it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.expert import CLOSE, Hand, grasp, move_to
from wm_planner.envs.simulation import Simulation

LIFT = 0.10  # m
HOLD_STEPS = 10  # control steps, 1 s
STAGES = ("reach", "lift", "hold")
_LIFT_TARGET = 0.13  # m, what the expert aims at


class Lift(NamedTuple):
    """A thing that is to be lifted, as things are now."""

    hand: Hand
    position: np.ndarray  # (3,) m
    rest: float  # m, its height where it lay
    grasped: bool

    @classmethod
    def of(cls, simulation: Simulation, prop: str, rest: float) -> Lift:
        """Of a prop whose centre is `rest` m above the table when it lies there."""
        hand = Hand.of(simulation)
        position = simulation.data.body(prop).xpos.copy()
        return cls(hand, position, rest, hand.holds(prop))

    @property
    def offset(self) -> np.ndarray:
        """(3,) m from the hand to the thing."""
        return self.position - self.hand.position

    @property
    def height(self) -> float:
        """m above where it lay."""
        return float(self.position[2] - self.rest)

    @property
    def up(self) -> bool:
        """In the hand and high enough."""
        return self.grasped and self.height >= LIFT

    @property
    def reward(self) -> float:
        """In [0, 1]."""
        reach = 1.0 - np.tanh(5.0 * np.linalg.norm(self.offset))
        lift = np.clip(self.height / LIFT, 0.0, 1.0)
        high = self.height >= LIFT
        return float(0.3 * reach + self.grasped * (0.2 + 0.3 * lift + 0.2 * high))

    @property
    def stage(self) -> int:
        """Index in STAGES."""
        return int(self.grasped) + int(self.up)

    def expert(self, goal: np.ndarray, funnel: float = 0.015) -> np.ndarray:
        """Action (4,); `funnel` is `grasp`'s."""
        if self.grasped:
            above = self.rest if self.hand.cup else 0.0
            return move_to(goal, np.r_[goal[:2], _LIFT_TARGET + self.rest + above], CLOSE)
        return grasp(self.hand, goal, self.position, self.rest, funnel)
