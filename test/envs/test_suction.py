"""A suction cup lifts what it touches while it sucks, and drops it when it does not."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.expert import Hand
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.simulation import Simulation
from wm_planner.errors import UserError

UP, STILL = np.array([0.0, 0.0, 0.6, -1.0]), np.array([0.0, 0.0, 0.0, -1.0])
OFF = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def env() -> ManipulationEnv:
    return ManipulationEnv(EnvConfig("grasp", "panda_suction", cameras=()))


def height(env: ManipulationEnv) -> float:
    return float(env.simulation.data.body("cube").xpos[2])


def lifted(env: ManipulationEnv, seed: int) -> None:
    """The expert's episode, to its success."""
    _, info = env.reset(seed=seed)
    for _ in range(env.time_limit):
        *_, info = env.step(info["expert"])
        if info["success"]:
            return
    raise AssertionError("the expert failed")


def test_the_expert_lifts_the_cube_and_a_hand_switched_off_drops_it(env):
    lifted(env, 5_000_000)
    assert Hand.of(env.simulation).holds("cube") and height(env) > 0.11
    *_, info = env.step(OFF)
    assert not Hand.of(env.simulation).holds("cube"), "within a step its vacuum is gone"
    for _ in range(5):
        *_, info = env.step(OFF)
    assert height(env) == pytest.approx(0.02, abs=2e-3) and info["stage"] == 0


def test_the_hand_that_sucks_is_told_by_proprioception(env):
    observation, _ = env.reset(seed=0)
    assert observation["proprio"][-2:].tolist() == [1.0, 1.0]
    observation, *_ = env.step(STILL)
    assert observation["proprio"][-2:].tolist() == [-1.0, -1.0]


def test_without_a_vacuum_a_touch_lifts_nothing(env):
    """Down to the cube, up again: with the cup on it follows, with it off it stays."""
    for gripper, follows in ((1.0, False), (-1.0, True)):
        _, info = env.reset(seed=5_000_001)
        while np.linalg.norm(info["landmarks"][:2]) * 0.2 > 0.005 or info["expert"][-1] > 0:
            *_, info = env.step(info["expert"])
        touched = False
        for _ in range(4):
            *_, info = env.step(np.r_[info["expert"][:3] if not touched else UP[:3], gripper])
            touched = touched or Hand.of(env.simulation).touches("cube")
        assert touched
        for _ in range(5):
            env.step(np.r_[UP[:3], gripper])
        assert (height(env) > 0.05) == follows


def test_an_actuator_that_does_not_suck_is_refused(env):
    simulation = env.simulation
    actuator = simulation.model.actuator("hand_suction").id
    kind = int(simulation.model.actuator_trntype[actuator])
    simulation.model.actuator_trntype[actuator] = 0
    try:
        with pytest.raises(UserError, match="'hand_suction' is no adhesion actuator"):
            Simulation(simulation.model, env.arm.config, (), 32)
    finally:
        simulation.model.actuator_trntype[actuator] = kind
