"""What every task promises."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.tasks import TASKS, make_task
from wm_planner.envs.tasks.instructions import VOCABULARY
from wm_planner.errors import UserError
from wm_planner.learning.behaviour import Disturbance, Mix

TURNING = {"grasp_long": "ur5e_yaw"}
"""Tasks that need a robot whose actions turn the hand, and one."""


def action_of(env, *move: float) -> np.ndarray:
    """dx, dy, dz and gripper, without a turn."""
    return np.r_[move[:3], np.zeros(env.arm.action_size - 4), move[3]]


@pytest.fixture(scope="module", params=sorted(TASKS))
def env(request):
    robot = TURNING.get(request.param, "panda")
    env = ManipulationEnv(EnvConfig(request.param, robot, cameras=()))
    yield env
    env.close()


def test_its_name_is_the_one_it_is_made_by(env):
    assert make_task(env.config.task).name == env.config.task


def test_it_says_what_to_do_in_words_that_are_known(env):
    for seed in range(10):
        _, info = env.reset(seed=seed)
        assert info["instruction"] == env.task.instruction
        words = info["instruction"].split()
        assert 4 <= len(words) <= 16
        assert set(words) <= set(VOCABULARY)


def test_the_same_seed_is_the_same_episode(env):
    starts = []
    for seed in (7, 8, 7):
        _, info = env.reset(seed=seed)
        starts.append((env.task.instruction, *env.simulation.data.qpos, *info["landmarks"]))
    assert starts[0] == starts[2] != starts[1]


def test_doing_nothing_does_not_succeed(env):
    env.reset(seed=0)
    for _ in range(20):
        _, reward, done, _, _ = env.step(action_of(env, 0.0, 0.0, 0.0, 1.0))
        assert not done and reward < 0.3


def test_judgements_are_in_range_in_whatever_state(env):
    """Driven by a disturbed expert, and by play."""
    for seed in range(2):
        disturbance = Disturbance(Mix(), np.random.default_rng(seed), env.arm.action_size - 1)
        _, info = env.reset(seed=seed)
        for _ in range(60):
            _, reward, done, _, info = env.step(disturbance.disturb(info["expert"]))
            assert 0 <= reward <= 1
            assert info["landmarks"].shape == (env.task.landmark_size,)
            assert info["landmarks"].dtype == np.float32
            assert np.isfinite(info["landmarks"]).all()
            assert 0 <= info["stage"] < len(env.task.stages)
            assert (
                np.abs(info["expert"]).max() <= 1 and info["expert"].shape == env.action_space.shape
            )
            if done:
                break


def test_an_episode_begins_at_the_first_stage_and_unsolved(env):
    for seed in range(5):
        _, info = env.reset(seed=seed)
        assert info["stage"] == 0 and not info["success"]


def test_the_last_stage_comes_with_the_highest_reward(env):
    """The expert's way: to be further is to be paid more."""
    _, info = env.reset(seed=1)
    rewards: dict[int, float] = {}
    done = truncated = False
    while not (done or truncated):
        _, reward, done, truncated, info = env.step(info["expert"])
        rewards[info["stage"]] = max(reward, rewards.get(info["stage"], 0.0))
    assert done
    assert rewards[len(env.task.stages) - 1] == max(rewards.values()) == pytest.approx(1, abs=0.02)


def test_the_expert_depends_on_nothing_but_the_state(env):
    """It can be asked about any state: its labels are for other pilots' episodes too."""
    _, info = env.reset(seed=2)
    for _ in range(10):
        again = [env.task.expert(env.simulation, env.arm.goal) for _ in range(3)]
        assert all(np.array_equal(action[:3], info["expert"][:3]) for action in again)
        assert all(action[3] == info["expert"][-1] for action in again)
        *_, info = env.step(action_of(env, 0.2, -0.1, -0.8, 1.0))


def test_an_unknown_task_lists_the_known_ones():
    with pytest.raises(UserError, match=r"unknown task 'juggle'; there is grasp, .*, unstack"):
        make_task("juggle")
