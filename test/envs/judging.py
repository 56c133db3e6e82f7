"""Judging a state that was made by hand, without letting time pass."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.manipulation import ManipulationEnv


def succeeds(env: ManipulationEnv, steps: int = 10) -> bool:
    """Whether this very state, if it lasts so many steps, is a success; and not before."""
    env.simulation.settle()
    ends = [env.task.judge(env.simulation).success for _ in range(steps)]
    return ends == [False] * (steps - 1) + [True]


def place(env: ManipulationEnv, prop: str, x: float, y: float, z: float) -> None:
    """Put a prop somewhere, unturned."""
    env.simulation.place(prop, np.array([x, y, z]), 0.0)


def follow_expert(env: ManipulationEnv, stage: str, seed: int = 1) -> None:
    """The expert's episode until it reaches a stage."""
    _, info = env.reset(seed=seed)
    while env.task.stages[info["stage"]] != stage:
        *_, done, over, info = env.step(info["expert"])
        assert not done and not over
