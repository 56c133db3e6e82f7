"""Another arm does the same tasks, seen from its own hand; and one that turns it, others."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.expert import Hand
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError


def run(env: ManipulationEnv, seed: int) -> bool:
    """The expert's episode."""
    _, info = env.reset(seed=seed)
    for _ in range(env.time_limit):
        *_, info = env.step(info["expert"])
        if info["success"]:
            return True
    return False


@pytest.mark.parametrize(
    ("robot", "task"), [("ur5e", "grasp"), ("ur5e_yaw", "grasp_long"), ("ur5e_yaw", "grasp")]
)
def test_the_expert_succeeds(robot, task):
    env = ManipulationEnv(EnvConfig(task, robot, cameras=()))
    assert run(env, 5_000_000) and run(env, 5_000_001)


def test_a_bar_does_not_fit_into_a_hand_that_cannot_turn():
    env = ManipulationEnv(EnvConfig("grasp_long", "ur5e", cameras=()))
    seeds = range(5_000_000, 5_000_003)
    assert not any(run(env, seed) for seed in seeds if abs(bar_yaw(env, seed)) > 0.7)
    assert any(abs(bar_yaw(env, seed)) > 0.7 for seed in seeds)


def bar_yaw(env: ManipulationEnv, seed: int) -> float:
    env.reset(seed=seed)
    return env.task.hand_yaw(env.simulation)


@pytest.fixture(scope="module")
def ur5e():
    env = ManipulationEnv(EnvConfig(robot="ur5e", image_size=48))
    yield env
    env.close()


def test_the_camera_on_the_hand_moves_with_it_and_sees_its_fingers(ur5e):
    observation, _ = ur5e.reset(seed=0)
    closed = observation
    for _ in range(8):
        closed, *_ = ur5e.step(np.array([0.0, 0.0, 0.0, -1.0]))
    moved = np.abs(closed["wrist"].astype(int) - observation["wrist"]).max(-1) > 40
    assert 0.01 < moved.mean() < 0.5, "the fingers, and nothing else"
    below = moved[len(moved) // 2 :].sum()
    assert below > 0.8 * moved.sum(), "they are at the lower edge of the picture"


def test_the_linkage_closes_as_its_driver_says(ur5e):
    """The width in proportion to the driver is true to 4 mm between the pads themselves."""
    ur5e.reset(seed=0)
    simulation = ur5e.simulation
    for gripper in (1.0, -1.0):
        for _ in range(10):
            ur5e.step(np.array([0.0, 0.0, 0.5, gripper]))
        pads = [simulation.data.geom_xpos[simulation.model.body(name).geomadr[0]]
                for name in simulation.robot.finger_bodies]  # fmt: skip
        between = float(np.linalg.norm(pads[0] - pads[1])) - 2 * 0.004
        assert Hand.of(simulation).width == pytest.approx(between, abs=6e-3)


def test_fingers_that_are_not_there_are_named(ur5e):
    from dataclasses import replace

    from wm_planner.envs.simulation import Simulation

    robot = replace(ur5e.arm.config, finger_bodies=("thumb", "left_pad"))
    with pytest.raises(UserError, match=r"finger_bodies \['thumb'\] are not in the MJCF"):
        Simulation(ur5e.simulation.model, robot, (), 32)
