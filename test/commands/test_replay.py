"""What was recorded comes again when its actions are; actions that mean something else do not."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.commands.replay import ReplayConfig, replay_episode
from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.learning.behaviour import UNDISTURBED, Disturbance, follow_expert
from wm_planner.learning.collect import drive
from wm_planner.learning.episodes import Episode


@pytest.fixture(scope="module")
def env():
    env = ManipulationEnv(ReplayConfig("unused").env)
    yield env
    env.close()


@pytest.fixture(scope="module")
def shown(env) -> Episode:
    calm = Disturbance(UNDISTURBED, np.random.default_rng(0))
    return drive(env, 7, follow_expert, calm, 100)


def test_the_same_actions_do_the_same(env, shown):
    found = replay_episode(env, shown)
    assert shown.success and found.success
    assert found.farthest < 1e-6 and not found.elsewhere


def test_actions_along_other_axes_lead_elsewhere(env, shown):
    turned = shown._replace(actions=shown.actions[:, [1, 0, 2, 3]])
    found = replay_episode(env, turned)
    assert not found.success and found.farthest > 0.05


def test_an_episode_of_another_start_is_told(env, shown):
    assert replay_episode(env, shown._replace(seed=8)).elsewhere
