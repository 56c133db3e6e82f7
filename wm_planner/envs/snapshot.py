"""The whole state of an environment, to go back to and try something else from."""

from __future__ import annotations

from typing import Any, NamedTuple

import mujoco
import numpy as np

from wm_planner.envs.manipulation import ManipulationEnv

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
_COUNTERS = ("_steps", "_tick")


class Snapshot(NamedTuple):
    """Simulator, controller and task at one moment of an episode; see `take` and `restore`."""

    physics: np.ndarray  # MuJoCo's integration state
    arm: dict[str, Any]  # attributes of the controller: it replaces them, never changes them
    task: dict[str, Any]
    counters: dict[str, int]
    pending: tuple[Any, ...]  # commands on their way


def take(env: ManipulationEnv) -> Snapshot:
    """The state now."""
    simulation = env.simulation
    physics = np.empty(mujoco.mj_stateSize(simulation.model, _STATE))
    mujoco.mj_getState(simulation.model, simulation.data, physics, _STATE)
    counters = {name: getattr(env, name) for name in _COUNTERS}
    return Snapshot(
        physics, dict(vars(env.arm)), dict(vars(env.task)), counters, tuple(env._pending)
    )


def restore(env: ManipulationEnv, snapshot: Snapshot) -> None:
    """Go back: the same actions then have the same consequences."""
    model, data = env.simulation.model, env.simulation.data
    mujoco.mj_setState(model, data, snapshot.physics, _STATE)
    mujoco.mj_forward(model, data)
    mujoco.mj_setState(model, data, snapshot.physics, _STATE)
    vars(env.arm).update(snapshot.arm)
    vars(env.task).update(snapshot.task)
    for name, value in snapshot.counters.items():
        setattr(env, name, value)
    env._pending.clear()
    env._pending.extend(snapshot.pending)
