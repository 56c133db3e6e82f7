"""Drives one episode in simulation: somebody acts, and what was seen and done is kept."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.learning.behaviour import Disturbance, GaveUp, Pilot
from wm_planner.learning.episodes import Episode


def drive(
    env: ManipulationEnv,
    seed: int,
    pilot: Pilot,
    disturbance: Disturbance,
    most: int,
    linger: int = 0,
) -> Episode:
    """Run one episode of at most so many control steps, or until the pilot gives up.

    When the task is done it lingers for `linger` more.
    """
    observation, info = env.reset(seed=seed)
    steps: list[tuple] = []
    done, done_after = False, 0
    while len(steps) < most:
        try:
            intended = pilot(observation, info["expert"])
        except GaveUp:
            break
        action = disturbance.disturb(intended).astype(np.float32)
        before, known = observation, info
        observation, reward, now_done, _, info = env.step(action)
        steps.append((before, action, reward, known["expert"], known["landmarks"]))
        if now_done and not done:
            done, most = True, len(steps) + linger
            done_after = len(steps)
    observations, actions, rewards, expert, landmarks = zip(*steps, strict=True)
    return Episode(
        frames={c: np.stack([o[c] for o in observations]) for c in env.config.cameras},
        proprio=np.stack([o["proprio"] for o in observations]),
        actions=np.stack(actions),
        rewards=np.array(rewards, np.float32),
        expert_actions=np.stack(expert).astype(np.float32),
        landmarks=np.stack(landmarks),
        success=done,
        seed=seed,
        instruction=info["instruction"],
        lingered=len(steps) - done_after if done else 0,
    )
