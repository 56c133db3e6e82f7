"""Trials without ROS: the same pipeline on simulations in this process, several at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.film import Film
from wm_planner.evaluation.records import Trial
from wm_planner.evaluation.trials import EXPERT, TrialsConfig
from wm_planner.interfaces import Decodable
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline, Thought
from wm_planner.processor import configure_torch
from wm_planner.types import Latent, View
from wm_planner.workers import in_workers
from wm_planner.world_models.store import load_model


class Wave(NamedTuple):
    """Trials of one planner that are planned in one batch."""

    planner: str  # label
    seeds: tuple[int, ...]


def run_in_process(config: TrialsConfig, missing: dict[str, list[int]]) -> Iterator[Trial]:
    """Trials as they end; `missing` has the seeds that each planner, by label, is to run."""
    waves = [
        Wave(label, tuple(seeds[i : i + config.batch]))
        for label, seeds in missing.items()
        for i in range(0, len(seeds), config.batch)
    ]
    for trials in in_workers(_run, [(config, wave) for wave in waves], config.workers):
        yield from trials


def _run(config: TrialsConfig, wave: Wave) -> list[Trial]:
    workplace = _workplace(config)
    return run_wave(workplace.envs, workplace.pipeline(wave.planner), wave, config)


class _Workplace(NamedTuple):
    envs: list[ManipulationEnv]  # config.batch
    pipeline: Callable[[str], Pipeline]  # of a planner's label


@lru_cache(maxsize=1)
def _workplace(config: TrialsConfig) -> _Workplace:
    """What this process keeps from wave to wave."""
    configure_torch()
    model = load_model(model_dir(config.model_name), config.device)
    c = model.config
    described = EnvConfig(
        config.task,
        c.robot,
        c.cameras,
        c.image_size,
        config.time_limit,
        config.randomization,
        config.disturbances,
    )

    @lru_cache
    def pipeline(label: str) -> Pipeline:
        return build_pipeline(model, config.contestants[label], config.device)

    return _Workplace([ManipulationEnv(described) for _ in range(config.batch)], pipeline)


def run_wave(
    envs: Sequence[ManipulationEnv], pipeline: Pipeline, wave: Wave, config: TrialsConfig
) -> list[Trial]:
    """Run one trial for each seed; every step is a real plan for a real frame, as on the robot."""
    runs = [
        _Run(env, pipeline, wave.planner, seed) for env, seed in zip(envs, wave.seeds, strict=False)
    ]
    pipeline.reset_many(wave.seeds)
    pipeline.assignments.tell([config.instruction or run.instruction for run in runs])
    while views := {i: run.view() for i, run in enumerate(runs) if not run.over}:
        started = time.perf_counter()
        thought = pipeline.think_many(views)
        failed = thought.plan.failed.tolist()
        plan_ms = (time.perf_counter() - started) * 1e3 / len(views)
        for b, i in enumerate(views):
            if failed[b]:
                runs[i].fail()
            else:
                runs[i].follow(thought, b, plan_ms)
        for run in runs:
            run.wait_for_frames()
    return [run.trial(config) for run in runs]


class _Run:
    """One trial under way."""

    def __init__(self, env: ManipulationEnv, pipeline: Pipeline, planner: str, seed: int) -> None:
        self._env, self._planner, self._seed = env, planner, seed
        self._observation, self._info = env.reset(seed=seed)
        self._world_model = pipeline.world_model
        self._film = Film(self._world_model) if isinstance(self._world_model, Decodable) else None
        self._success = self.over = False
        self._ended = "time limit"
        self._rewards: list[float] = []
        self._reached: list[int] = []
        self._expected: list[float] = []
        self._plan_ms: list[float] = []
        self._command_ms: list[float] = []

    @property
    def instruction(self) -> str:
        """What the task says is to be done."""
        return self._info["instruction"]

    def view(self) -> View:
        return View(self._observation, self._observation["proprio"])

    def follow(self, thought: Thought, b: int, plan_ms: float) -> None:
        """Do the first action of row `b` of the plan."""
        row, plan = slice(b, b + 1), thought.plan
        expert = self._planner == EXPERT
        action = self._info["expert"] if expert else plan.actions[b, 0].double().cpu().numpy()
        if self._film is not None:
            own = plan._replace(actions=plan.actions[row])
            cameras = {c: self._observation[c] for c in self._env.config.cameras}
            begins = Latent(*(part[row] for part in thought.latent))
            self._film.add(cameras, begins, own, thought.seen.row(b))
        self._expected.append(float(plan.expected_return[b]))
        self._plan_ms.append(plan_ms)
        self._after(self._env.step(action))
        self._command_ms.append(plan_ms + self._env.command_ms)

    def fail(self) -> None:
        """No plan came of a frame."""
        self._ended, self.over = "fault", True

    def wait_for_frames(self) -> None:
        """While frames are lost, the arm goes on with what it was told last."""
        while not self.over and self._info["lost"]:
            self._expected.append(math.nan)
            self._after(self._env.wait())

    def _after(self, step: tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]) -> None:
        self._observation, reward, self._success, truncated, self._info = step
        self.over = self._success or truncated
        self._rewards.append(reward)
        self._reached.append(self._info["stage"])

    def trial(self, config: TrialsConfig) -> Trial:
        """The record, and the pictures that are wanted of it."""
        rate = self._env.arm.config.control_rate_hz
        pictures = {}
        if self._film is not None and config.out is not None:
            imagined = any(map(math.isfinite, self._expected))
            name = f"{self._planner.replace(' ', '_')}_{self._seed}"
            if not self._success and imagined:
                pictures["strip"] = f"strips/{name}.png"
                self._film.save_strip(config.out / pictures["strip"], rate)
            if config.video and self._plan_ms:
                pictures["video"] = f"videos/{name}.mp4"
                self._film.save_video(config.out / pictures["video"], rate)
        return Trial(
            planner=self._planner,
            seed=self._seed,
            success=self._success,
            ended="success" if self._success else self._ended,
            steps=len(self._rewards),
            seconds=len(self._rewards) / rate,
            reached=self._reached,
            rewards=self._rewards,
            expected_returns=self._expected,
            plan_ms=self._plan_ms,
            frame_to_command_ms=self._command_ms,
            **pictures,
        )
