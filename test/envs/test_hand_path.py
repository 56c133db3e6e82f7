"""Where a plan sends the hand, as told beforehand and as it then goes, in simulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wm_planner.assembly import build_pipeline
from wm_planner.envs.expert import Hand
from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import load_model

SEED, HORIZON = 4_000_000, 5


@pytest.fixture(scope="module")
def env():
    return ManipulationEnv()


def test_the_path_that_is_told_is_the_one_taken(env):
    rng = np.random.default_rng(0)
    path = env.arm.hand_path
    off = []
    for seed in range(4):
        observation, info = env.reset(seed=SEED + seed)
        for _ in range(3):  # from rest, then in motion
            proprio = torch.from_numpy(observation["proprio"])[None].double()
            actions = np.clip(rng.normal(info["expert"], 0.4, (HORIZON, 4)), -1, 1)
            told = path.from_proprio(proprio, torch.from_numpy(actions)[None, None])[0, 0].numpy()
            assert told[0] == pytest.approx(Hand.of(env.simulation).position, abs=2e-3)
            for step, action in enumerate(actions):
                observation, *_, info = env.step(action)
                hand = Hand.of(env.simulation).position
                off.append((step, np.linalg.norm(hand - told[step + 1])))
    distances = np.array(off)[:, 1]
    assert np.median(distances) < 0.02 and distances.max() < 0.06


def grasp(env, keep_out, model="grasp_privileged"):
    """Where the hand was all the way (T, 3) m, and whether it grasped."""
    config = PlannerConfig(samples=64, keep_out=keep_out)
    pipeline = build_pipeline(load_model(model_dir(model)), config)
    observation, _ = env.reset(seed=SEED)
    pipeline.reset(SEED)
    hand, success = [Hand.of(env.simulation).position], False
    while not success and len(hand) < 60 * 5:
        plan = pipeline.think(observation, observation["proprio"]).plan
        env._pending.append((env._tick, plan.actions[0, 0].double().numpy()))
        for _ in range(env.arm.config.waypoints_per_action):
            env._advance()
            hand.append(Hand.of(env.simulation).position)
        observation, success = env._observation(), env.task.judge(env.simulation).success
    return np.array(hand), success


def test_a_plan_keeps_the_hand_out_of_a_box_on_its_way_to_a_grasp(env):
    def deepest(hand):
        return np.minimum(hand - box[:3], box[3:] - hand).min(1).max()

    hand, success = grasp(env, ())
    way = np.linalg.norm(hand - hand[0], axis=1)
    middle = hand[np.argmin(np.abs(way - way[hand[:, 2].argmin()] / 2))]
    box = np.r_[middle - 0.03, middle + 0.03]
    assert success and deepest(hand) > 0.02
    around, success = grasp(env, (tuple(box),))
    assert success and deepest(around) < 0
    beside, _ = grasp(env, (tuple(box),), "grasp")  # it knows no way around, but keeps out
    assert deepest(beside) < 0
