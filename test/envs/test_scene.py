"""The simulated arm is the configured one, and scenes are put together from parts."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from wm_planner.envs.props import Cube
from wm_planner.envs.scene import build_scene
from wm_planner.envs.simulation import Simulation

# Franka Control Interface documentation, "Robot and interface specifications"
PUBLISHED_LOWER = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]
PUBLISHED_UPPER = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]
PUBLISHED_VELOCITY = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]
PUBLISHED_ACCELERATION = [15, 7.5, 10, 12.5, 15, 20, 20]
PUBLISHED_JERK = [7500, 3750, 5000, 6250, 7500, 10000, 10000]


def test_names_and_limits_are_the_published_ones(blind):
    config, model = blind.arm.config, blind.simulation.model
    assert list(config.velocity) == PUBLISHED_VELOCITY
    assert list(config.acceleration) == PUBLISHED_ACCELERATION
    assert list(config.jerk) == PUBLISHED_JERK
    for i, name in enumerate(config.arm_joints):
        assert name == f"panda_joint{i + 1}"
        assert (config.lower[i], config.upper[i]) == (PUBLISHED_LOWER[i], PUBLISHED_UPPER[i])
        assert tuple(model.joint(name).range) == (config.lower[i], config.upper[i])
        assert tuple(model.actuator(name).ctrlrange) == (config.lower[i], config.upper[i])
    assert tuple(model.joint(config.finger_joint).range) == config.finger_range


def test_gravity_does_not_pull_the_arm_down(blind):
    blind.reset(seed=0)
    start = blind.simulation.joint_state().positions
    blind.simulation.advance(2.0)
    sagged = np.abs(blind.simulation.joint_state().positions - start)[:-1].max()
    assert sagged < 1e-3


def test_the_arm_follows_its_commands(blind):
    """Within 0.02 rad after a step of the fastest motion there is, and exactly when it rests."""
    blind.reset(seed=0)
    for _ in range(3):
        blind.step(np.array([1.0, 1.0, 0.5, 1.0]))
    for _ in range(8):
        blind.step(np.array([0.0, 0.0, 0.0, 1.0]))
    measured = blind.simulation.joint_state().positions
    assert measured == pytest.approx(blind.arm.hold().positions[-1], abs=5e-3)


def test_another_prop_is_one_more_entry(blind):
    robot = blind.arm.config
    props = [Cube("cube"), Cube("lid", edge=0.06, rgba=(0, 0, 1, 1))]
    model = build_scene(robot, props)
    simulation = Simulation(model, robot, ("front",), 32)
    simulation.reset(blind.arm.home)
    simulation.place("cube", np.array([0.5, 0.0, 0.02]), 0.0)
    simulation.place("lid", np.array([0.5, 0.0, 0.071]), 0.5)
    simulation.settle()
    simulation.advance(1.0)
    heights = [simulation.data.body(name).xpos[2] for name in ("cube", "lid")]
    assert heights == pytest.approx([0.02, 0.07], abs=2e-3), "the lid should lie on the cube"


def test_reset_forgets_where_things_were(blind):
    simulation = blind.simulation
    blind.reset(seed=1)
    start = simulation.data.qpos.copy()
    simulation.place("cube", np.array([0.6, 0.1, 0.3]), 1.0)
    simulation.advance(0.5)
    blind.reset(seed=1)
    assert np.array_equal(simulation.data.qpos, start)
    assert simulation.time == 0


@pytest.mark.parametrize("size", [(48, 64), (32, 32)])
def test_frames_have_any_size(env, size):
    env.reset(seed=0)
    frame = env.simulation.render("front", size)
    assert frame.shape == (*size, 3)
    assert frame.std() > 5, "an empty picture"


def test_cameras_keep_their_size_after_a_larger_picture(env):
    env.reset(seed=0)
    before = env.simulation.frames()
    env.simulation.render("front", (96, 128))
    after = env.simulation.frames()
    assert all(np.array_equal(before[c], after[c]) for c in before)


def test_the_arm_alone_compiles(blind):
    model = build_scene(blind.arm.config, [])
    assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "cube") == -1
    assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "panda_hand") >= 0
