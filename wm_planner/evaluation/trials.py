"""Trials: held-out starts, one planner, success with its interval."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.evaluation.statistics import percentile, wilson
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PLANNERS, PlannerConfig
from wm_planner.world_models.store import load_model

SEARCHING = ("mppi", "cem")
SCRIPTED = "expert"  # privileged; not a planner, the ceiling


@dataclass(frozen=True)
class TrialsConfig:
    """Run trials in simulation on held-out starts.

    Attributes:
        task: name of the task.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        planner: noop, random, prior, mppi or cem; expert is the privileged ceiling.
        prior: let the planner start from the learned action prior.
        trials: how many.
        seed: of the first trial; the others follow. 5,000,000 and up were never trained on.
        workers: processes, each with one thread.
        ros: run them one at a time on a simulation node and a planner node, over DDS.
        lockstep: with ros, let the simulation wait for the planner instead of the clock.
        device: cpu or cuda.
        json: write the result to this file as well.
        search: settings of the planner.
        randomization: what differs from trial to trial besides the start.
    """

    task: str = "grasp"
    model: str = ""
    planner: str = "mppi"
    prior: bool = True
    trials: int = 100
    seed: int = 5_000_000
    workers: int = 2
    ros: bool = False
    lockstep: bool = True
    device: str = "cpu"
    json: Path | None = None
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = field(default_factory=Randomization)

    def __post_init__(self) -> None:
        make_task(self.task)
        if self.planner not in (*PLANNERS, SCRIPTED):
            valid = ", ".join((*PLANNERS, SCRIPTED))
            raise UserError(f"unknown planner '{self.planner}'; there is {valid}")
        if self.trials < 1 or self.workers < 1:
            raise UserError(f"trials {self.trials} and workers {self.workers} must be at least 1")

    @property
    def planner_config(self) -> PlannerConfig:
        name = "noop" if self.planner == SCRIPTED else self.planner
        return replace(self.search, planner=name, use_prior=self.prior)

    @property
    def model_name(self) -> str:
        return self.model or self.task


class Trial(NamedTuple):
    """How one trial went."""

    seed: int
    success: bool
    steps: int
    reward: float  # sum over the trial
    ended: str  # success, time limit, or over ROS silence
    plan_ms: list[float]  # encoding and searching, each step
    frame_to_command_ms: list[float]  # each step


def summarise(config: TrialsConfig, trials: list[Trial]) -> dict:
    """The figures of a set of trials."""
    successes = sum(trial.success for trial in trials)
    plan = [ms for trial in trials for ms in trial.plan_ms]
    command = [ms for trial in trials for ms in trial.frame_to_command_ms]
    return {
        "task": config.task,
        "planner": config.planner,
        "prior": config.prior,
        "over": ("ros lockstep" if config.lockstep else "ros") if config.ros else "process",
        "trials": len(trials),
        "successes": successes,
        "success_rate": successes / len(trials),
        "wilson95": list(wilson(successes, len(trials))),
        "plan_ms": {"p50": percentile(plan, 50), "p95": percentile(plan, 95)},
        "frame_to_command_ms": {"p50": percentile(command, 50), "p95": percentile(command, 95)},
        "mean_steps": sum(trial.steps for trial in trials) / len(trials),
        "mean_reward": sum(trial.reward for trial in trials) / len(trials),
        "seeds": [trial.seed for trial in trials],
        "failed_seeds": [trial.seed for trial in trials if not trial.success],
    }


def describe(result: dict) -> str:
    """One line for people."""
    low, high = result["wilson95"]
    prior = "" if result["prior"] or result["planner"] not in SEARCHING else " without prior"
    return (
        f"{result['task']}, {result['planner']}{prior}: {result['successes']}/{result['trials']} "
        f"({result['success_rate']:.0%}, 95 % interval {low:.1%} to {high:.1%}), "
        f"plan p50 {result['plan_ms']['p50']:.1f} ms, p95 {result['plan_ms']['p95']:.1f} ms"
    )


def run_trial(env: ManipulationEnv, pipeline: Pipeline, seed: int, expert: bool = False) -> Trial:
    """One trial; every step is a real plan for a real frame, as on the robot."""
    observation, info = env.reset(seed=seed)
    pipeline.reset(seed)
    plan_ms: list[float] = []
    frame_to_command_ms: list[float] = []
    reward_sum, done, truncated = 0.0, False, False
    while not (done or truncated):
        started = time.perf_counter()
        thought = pipeline.think(observation, observation["proprio"])
        planned = time.perf_counter()
        action = info["expert"] if expert else thought.plan.actions[0, 0].double().cpu().numpy()
        observation, reward, done, truncated, info = env.step(action)
        reward_sum += reward
        plan_ms.append((planned - started) * 1e3)
        frame_to_command_ms.append(plan_ms[-1] + env.command_ms)
    ended = "success" if done else "time limit"
    return Trial(seed, done, len(plan_ms), reward_sum, ended, plan_ms, frame_to_command_ms)


def run_in_process(config: TrialsConfig) -> Iterator[Trial]:
    """Trials as they end, in no order; `workers` at a time."""
    seeds = range(config.seed, config.seed + config.trials)
    if config.workers == 1:
        yield from (_trial(config, seed) for seed in seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, mp_context=context) as pool:
        futures = [pool.submit(_trial, config, seed) for seed in seeds]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@lru_cache(maxsize=1)
def _workplace(config: TrialsConfig) -> Callable[[int], Trial]:
    """Environment and pipeline of this process."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    model = load_model(model_dir(config.model_name), config.device)
    pipeline = build_pipeline(model, config.planner_config, config.device)
    env = ManipulationEnv(
        EnvConfig(
            config.task,
            model.config.robot,
            model.config.cameras,
            model.config.image_size,
            config.randomization,
        )
    )
    expert = config.planner == SCRIPTED
    return lambda seed: run_trial(env, pipeline, seed, expert)


def _trial(config: TrialsConfig, seed: int) -> Trial:
    return _workplace(config)(seed)
