"""Disturbances while an episode runs: what a planner has to live with on a real arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wm_planner.envs.simulation import Simulation
from wm_planner.errors import UserError

_PUSH_STARTS = 0.1  # probability a control step
_PUSH_STEPS = 2  # control steps a push lasts


@dataclass(frozen=True)
class Disturbances:
    """Disturbances of an episode; the defaults are none.

    Attributes:
        frame_loss: probability that the frames of a control step never arrive.
        push: force on the hand, N, in a random direction, for 0.2 s about once a second.
    """

    frame_loss: float = 0.0
    push: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.frame_loss < 1:
            raise UserError(f"disturbances: frame_loss is {self.frame_loss}, expected in [0, 1)")
        if not 0 <= self.push <= 200:
            raise UserError(f"disturbances: push is {self.push}, expected 0 to 200 N")


class Disturber:
    """Draws the disturbances of each control step; an episode's seed gives them all."""

    def __init__(self, disturbances: Disturbances, simulation: Simulation) -> None:
        self._disturbances, self._simulation = disturbances, simulation
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        self._rng = np.random.default_rng([seed, 2])
        self._push_left = 0
        self._simulation.push_hand(np.zeros(3))

    def begin_step(self) -> bool:
        """Push or let go; returns whether the frames at this step's end are lost."""
        direction, start, loss = self._rng.normal(size=3), *self._rng.random(2)
        self._push_left = max(0, self._push_left - 1)
        if self._push_left == 0:
            pushed = self._disturbances.push > 0 and start < _PUSH_STARTS
            self._push_left = _PUSH_STEPS if pushed else 0
            force = self._disturbances.push * direction / np.linalg.norm(direction)
            self._simulation.push_hand(force if pushed else np.zeros(3))
        return bool(loss < self._disturbances.frame_loss)
