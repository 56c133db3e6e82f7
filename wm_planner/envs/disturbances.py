"""Disturbances while an episode runs: what a planner has to live with on a real arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wm_planner.envs.simulation import Simulation
from wm_planner.errors import UserError

_PUSH_STARTS = 0.1  # probability a control step
_PUSH_STEPS = 2  # control steps a push lasts
_COVER_STARTS = (3, 10)  # control steps, first and last, after which the cameras are covered
_CLOTH = (20, 110)  # darkest and lightest grey of what covers them, of 255
_WEAVE = 3  # how much lighter or darker a pixel of it is at most


@dataclass(frozen=True)
class Disturbances:
    """Disturbances of an episode; the defaults are none.

    Attributes:
        frame_loss: probability that the frames of a control step never arrive.
        push: force on the hand, N, in a random direction, for 0.2 s about once a second.
        cover: seconds that a cloth covers all cameras, once an episode, from 0.3 to 1 s on.
    """

    frame_loss: float = 0.0
    push: float = 0.0
    cover: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.frame_loss < 1:
            raise UserError(f"disturbances: frame_loss is {self.frame_loss}, expected in [0, 1)")
        if not 0 <= self.push <= 200:
            raise UserError(f"disturbances: push is {self.push}, expected 0 to 200 N")
        if not 0 <= self.cover <= 60:
            raise UserError(f"disturbances: cover is {self.cover}, expected 0 to 60 s")


class Disturber:
    """Draws the disturbances of each control step; an episode's seed gives them all."""

    def __init__(self, disturbances: Disturbances, simulation: Simulation) -> None:
        self._disturbances, self._simulation = disturbances, simulation
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        self._rng = np.random.default_rng([seed, 2])
        self._push_left = self._step = 0
        self._cloth = np.random.default_rng([seed, 3])
        first, last = _COVER_STARTS
        self._cover_start = int(self._cloth.integers(first, last + 1))
        self._grey = int(self._cloth.integers(*_CLOTH))
        self._simulation.push_hand(np.zeros(3))

    def begin_step(self) -> bool:
        """Push or let go; returns whether the frames at this step's end are lost."""
        self._step += 1
        direction, start, loss = self._rng.normal(size=3), *self._rng.random(2)
        self._push_left = max(0, self._push_left - 1)
        if self._push_left == 0:
            pushed = self._disturbances.push > 0 and start < _PUSH_STARTS
            self._push_left = _PUSH_STEPS if pushed else 0
            force = self._disturbances.push * direction / np.linalg.norm(direction)
            self._simulation.push_hand(force if pushed else np.zeros(3))
        return bool(loss < self._disturbances.frame_loss)

    def seen(self, frames: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the cameras show of these frames (h, w, 3) uint8 after this step."""
        steps = round(self._disturbances.cover * self._simulation.robot.control_rate_hz)
        if not 0 <= self._step - self._cover_start < steps:
            return dict(frames)
        return {camera: self._covered(frame) for camera, frame in frames.items()}

    def _covered(self, frame: np.ndarray) -> np.ndarray:
        weave = self._cloth.integers(-_WEAVE, _WEAVE + 1, frame.shape)
        return (self._grey + weave).astype(np.uint8)
