"""One planner, one goal."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.envs.snapshot import restore
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.goals.goal import Goal, Places
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlanningError
from wm_planner.statistics import percentile


class GoalTrial(NamedTuple):
    """How it went; distances are those of the hand, then of each cube, m."""

    planner: str
    seed: int
    success: bool  # all of them within the allowed distance at the same time
    ended: str  # success, time limit or fault
    seconds: float  # of the robot's time, start to end
    expert_seconds: float
    to_go: list[float]  # distances at the start
    at_end: list[float]
    least: list[float]  # each at its own best moment
    nearest: float  # the farthest of them, when that was nearest
    plan_ms: float  # median


class Reached(NamedTuple):
    """A trial, and what the cameras saw at its end."""

    trial: GoalTrial
    frames: dict[str, np.ndarray]


def run_trial(
    env: ManipulationEnv, pipeline: Pipeline, planner: str, seed: int, goal: Goal, c: GoalsConfig
) -> Reached:
    """From the goal's start, until it is reached or the time is over."""
    restore(env, goal.start)
    pipeline.reset(seed)
    first = env.config.cameras[0]
    pipeline.set_goal({first: goal.frames[first]} if c.first_camera else goal.frames)
    rate = env.arm.config.control_rate_hz
    observation = env._observation()
    distances, plan_ms, ended = [Places.of(env).distances(goal.places)], [], "time limit"
    for _ in range(round(c.patience * goal.seconds * rate)):
        began = time.perf_counter()
        try:
            plan = pipeline.think(observation, observation["proprio"]).plan
        except PlanningError:
            ended = "fault"
            break
        plan_ms.append((time.perf_counter() - began) * 1e3)
        observation, *_ = env.step(plan.actions[0, 0].double().cpu().numpy())
        distances.append(Places.of(env).distances(goal.places))
        if distances[-1].max() <= c.distance:
            ended = "success"
            break
    over_time = np.array(distances)  # (T + 1, 1 + cubes)
    trial = GoalTrial(
        planner=planner,
        seed=seed,
        success=ended == "success",
        ended=ended,
        seconds=len(plan_ms) / rate,
        expert_seconds=goal.seconds,
        to_go=over_time[0].tolist(),
        at_end=over_time[-1].tolist(),
        least=over_time.min(0).tolist(),
        nearest=float(over_time.max(1).min()),
        plan_ms=percentile(plan_ms, 50),
    )
    return Reached(trial, {camera: observation[camera] for camera in env.config.cameras})
