"""Going back to a saved state."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.snapshot import restore, take


@pytest.mark.parametrize("task", ["grasp", "stack"])
def test_the_same_actions_have_the_same_consequences_after_going_back(task):
    """With latency as well: a command under way then is under way again."""
    delayed = Randomization(latency=(0.06, 0.06))
    env = ManipulationEnv(EnvConfig(task, image_size=32, randomization=delayed))
    _, info = env.reset(seed=3)
    for _ in range(12):
        *_, info = env.step(info["expert"])
    snapshot = take(env)
    actions = np.random.default_rng(0).uniform(-1, 1, (6, 4))
    first = [env.step(action) for action in actions]
    for action in -actions:
        env.step(action)
    restore(env, snapshot)
    second = [env.step(action) for action in actions]
    for (view, reward, *_, info), (again, reward_again, *_, info_again) in zip(
        first, second, strict=True
    ):
        assert reward == reward_again and info["stage"] == info_again["stage"]
        assert all(np.array_equal(view[name], again[name]) for name in view)
    env.close()
