"""The environment keeps Gymnasium's contract, repeats itself by seed, hides what is privileged."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError

DOWN_AND_CLOSE = np.array([0.3, -0.2, -1.0, -1.0], np.float32)


def run(env: ManipulationEnv, seed: int, steps: int = 6) -> list[tuple]:
    """Everything an agent is told in an episode of a fixed zigzag."""
    observation, info = env.reset(seed=seed)
    told = [(observation, 0.0, False, info)]
    for t in range(steps):
        observation, reward, done, _, info = env.step(DOWN_AND_CLOSE * (-1) ** (t // 2))
        told.append((observation, reward, done, info))
    return told


def same(first: list[tuple], second: list[tuple]) -> bool:
    """Bit by bit, frames included; all but how long it took."""
    return all(
        np.array_equal(a[0][key], b[0][key])
        and a[1:3] == b[1:3]
        and np.array_equal(a[3]["expert"], b[3]["expert"])
        and np.array_equal(a[3]["landmarks"], b[3]["landmarks"])
        for a, b in zip(first, second, strict=True)
        for key in a[0]
    )


@pytest.mark.filterwarnings("ignore:.*Box.*(infinity|symmetric)")
@pytest.mark.filterwarnings("ignore:.*env.spec.*")
def test_gymnasium_finds_nothing_wrong(env):
    check_env(env, skip_render_check=True)


def test_the_same_seed_is_the_same_episode_in_every_pixel(env):
    first = run(env, seed=7)
    run(env, seed=8)  # something else in between
    assert same(first, run(env, seed=7))


def test_the_same_seed_is_the_same_episode_in_another_environment(env):
    other = ManipulationEnv(EnvConfig(image_size=32))
    assert same(run(env, seed=7), run(other, seed=7))
    other.close()


def test_another_seed_is_another_episode(env):
    first, second = run(env, seed=7, steps=0)[0], run(env, seed=8, steps=0)[0]
    assert not np.array_equal(first[0]["front"], second[0]["front"])
    assert not np.array_equal(first[0]["proprio"], second[0]["proprio"])
    assert not np.array_equal(first[3]["landmarks"], second[3]["landmarks"])


def test_an_observation_is_frames_and_proprioception_only(env):
    observation, info = env.reset(seed=0)
    assert set(observation) == {"front", "wrist", "proprio"}
    assert observation["front"].shape == (32, 32, 3)
    assert observation["front"].dtype == np.uint8
    assert observation["proprio"].shape == (8,)
    assert set(info) == {"instruction", "success", "stage", "lost", "landmarks", "expert"}


def test_the_robots_own_senses_do_not_know_where_the_cube_is(blind):
    """Proprioception is the same wherever the cube lies; the expert's action is not."""
    _, info = blind.reset(seed=0)
    state = blind.simulation.joint_state()
    before, expert = blind.arm.proprioception(state), info["expert"]
    blind.simulation.place("cube", np.array([0.45, 0.15, 0.02]), 0.3)
    blind.simulation.settle()
    assert np.array_equal(blind.arm.proprioception(blind.simulation.joint_state()), before)
    assert not np.array_equal(blind.task.expert(blind.simulation, blind.arm.goal), expert)


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_each_camera_sees_the_cube(env, camera):
    """It is red; over a few places both cameras have it in view."""
    seen = 0
    for seed in range(4):
        observation, _ = env.reset(seed=seed)
        red, green, blue = observation[camera].astype(int).transpose(2, 0, 1)
        seen += bool(((red > 2 * green) & (red > 2 * blue)).any())
    assert seen >= 3


def test_an_episode_is_cut_off_at_the_tasks_time_limit(blind):
    blind.reset(seed=0)
    ends = [blind.step(np.array([0, 0, 0, 1.0]))[3] for _ in range(blind.task.time_limit)]
    assert ends == [False] * (blind.task.time_limit - 1) + [True]


def test_latency_delays_the_effect_of_an_action(env):
    """0.06 s is three waypoints of the five in a step: the arm still stands for that long."""
    moved = {}
    for waypoints in (0, 3, 7):
        env.reset(seed=3)
        env._latency = waypoints
        start = env.simulation.joint_state().positions
        env.step(np.array([1.0, 0.0, 0.0, 1.0]))
        assert env.simulation.time == pytest.approx(0.1)
        moved[waypoints] = np.abs(env.simulation.joint_state().positions - start)[:-1].max()
    assert 0 < moved[3] < 0.5 * moved[0]
    assert moved[7] < 0.1 * moved[3]
    env.wait()
    late = np.abs(env.simulation.joint_state().positions - start)[:-1].max()
    assert late > moved[3], "an action that is late by more than a step is not lost"


def test_the_drawn_latency_is_used_and_bounded():
    env = ManipulationEnv(EnvConfig(cameras=(), randomization=Randomization(latency=(0.0, 0.06))))
    drawn = set()
    for seed in range(30):
        env.reset(seed=seed)
        drawn.add(env._latency)
    assert drawn == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (EnvConfig(task="juggle"), r"unknown task 'juggle'.*grasp"),
        (EnvConfig(cameras=("front", "ceiling")), r"unknown camera 'ceiling'.*front.*wrist"),
        (EnvConfig(robot="ur5"), r"unknown robot 'ur5'.*panda"),
    ],
)
def test_an_unknown_name_lists_the_valid_ones(config, message):
    with pytest.raises(UserError, match=message):
        ManipulationEnv(config)


def test_an_environments_own_time_limit_counts():
    env = ManipulationEnv(EnvConfig(cameras=(), time_limit=0.5))
    env.reset(seed=0)
    assert [env.wait()[3] for _ in range(5)] == [False] * 4 + [True]
