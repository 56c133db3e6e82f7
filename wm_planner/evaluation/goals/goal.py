"""A start and a goal of the same episode, as a disturbed expert went from one to the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.expert import Hand
from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.envs.snapshot import Snapshot, take
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.learning.behaviour import GENTLE, Disturbance

_TRIES = 20  # of an episode that goes nowhere


class Places(NamedTuple):
    """Where hand and cubes are, m."""

    hand: np.ndarray  # (3,)
    cubes: np.ndarray  # (cubes, 3)

    @classmethod
    def of(cls, env: ManipulationEnv) -> Places:
        data, props = env.simulation.data, env.task.props()
        cubes = np.array([data.body(prop.name).xpos for prop in props])
        return cls(Hand.of(env.simulation).position, cubes)

    def distances(self, other: Places) -> np.ndarray:
        """Of the hand and of each cube from where they are there, (1 + cubes,) m."""
        offsets = np.vstack([self.hand - other.hand, self.cubes - other.cubes])
        return np.linalg.norm(offsets, axis=1)


class Goal(NamedTuple):
    """What is wanted, and where from."""

    start: Snapshot
    before: Places
    frames: dict[str, np.ndarray]  # by camera, (h, w, 3) uint8 RGB
    places: Places
    seconds: float  # that the expert took


def make_goal(env: ManipulationEnv, seed: int, config: GoalsConfig) -> Goal:
    """The same seed, the same goal; it is never where the start is already."""
    rng = np.random.default_rng(seed)
    rate = env.arm.config.control_rate_hz
    for _ in range(_TRIES):
        observation, info = env.reset(seed=seed)
        disturbance = Disturbance(GENTLE, rng, env.arm.action_size - 1)
        for _ in range(round(rng.uniform(*config.prefix) * rate)):
            observation, _, _, _, info = env.step(disturbance.disturb(info["expert"]))
        start, before = take(env), Places.of(env)
        steps = round(rng.uniform(*config.ahead) * rate)
        for _ in range(steps):
            observation, _, _, _, info = env.step(disturbance.disturb(info["expert"]))
        places = Places.of(env)
        if before.distances(places).max() > config.distance:
            break
    frames = {camera: observation[camera] for camera in env.config.cameras}
    return Goal(start, before, frames, places, steps / rate)
