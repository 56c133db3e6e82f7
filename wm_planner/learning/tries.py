"""The planner's own tries as episodes: what a robot knows of them, and whether they worked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.learning.behaviour import UNDISTURBED, Disturbance
from wm_planner.learning.collect import TRAINING
from wm_planner.learning.drive import drive
from wm_planner.learning.episodes import Episode, without_privileges
from wm_planner.learning.flight import Flight
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline
from wm_planner.planning import FOR_RETURN, PlannerConfig
from wm_planner.processor import configure_torch
from wm_planner.workers import in_workers
from wm_planner.world_models.store import load_model

TASK, PERSON, NOBODY = "task", "person", "nobody"


@dataclass(frozen=True)
class TriesConfig:
    """How the planner tries.

    Attributes:
        model: folder of the model.
        task: name of the task.
        search: settings of the planner.
        exploration: weight of what the value ensemble disagrees on, in place of a penalty for it.
        noise: of the actions of every other try, those of odd seeds; standard deviation.
        time_limit: seconds of a try; 0 for the task's.
        judge: task or person.
        patience: seconds a person has after a try.
        workers: processes.
        device: cpu or cuda.
        lockstep: over ROS, the simulation waits for the planner.
        randomization: what differs from try to try besides the start.
    """

    model: Path
    task: str = "grasp"
    search: PlannerConfig = field(default_factory=PlannerConfig)
    exploration: float = 0.0
    noise: float = 0.0
    time_limit: float = 0.0
    judge: str = TASK
    patience: float = 30.0
    workers: int = 1
    device: str = "cpu"
    lockstep: bool = True
    randomization: Randomization = TRAINING

    def planner(self, disturbed: bool) -> PlannerConfig:
        """Of the tries that are disturbed, or of the others."""
        search = replace(self.search, action_noise=self.noise if disturbed else 0.0)
        if not self.exploration:
            return search
        wanted = {**(search.objectives or FOR_RETURN), "curiosity": self.exploration}
        return replace(search, objectives={**wanted, "uncertainty": 0.0})

    def groups(self, seeds: list[int]) -> dict[bool, list[int]]:
        """The seeds of tries that are disturbed, and of the others, where there are any."""
        found: dict[bool, list[int]] = {}
        for seed in seeds:
            found.setdefault(self.disturbs(seed), []).append(seed)
        return found

    def disturbs(self, seed: int) -> bool:
        """Whether the actions of this try are disturbed."""
        return seed % 2 == 1 and self.noise > 0


class Try(NamedTuple):
    """A try that is over."""

    seed: int
    episode: Episode | None  # without what only a simulation knows; None: it was not seen whole
    judge: str  # who says whether it worked: TASK, PERSON or NOBODY


def tries_in_process(config: TriesConfig, seeds: list[int]) -> Iterator[Try]:
    """Tries in simulation as they end; the task judges them."""
    return in_workers(_try, [(config, seed) for seed in seeds], config.workers)


def _try(config: TriesConfig, seed: int) -> Try:
    workplace = _workplace(config)
    pipeline = workplace.pipeline(config.disturbs(seed))
    env = workplace.env
    rng = np.random.default_rng(seed)
    calm = Disturbance(UNDISTURBED, rng, env.arm.action_size - 1)
    flown = drive(env, seed, Flight(pipeline, env.task, seed), calm, env.time_limit)
    return Try(seed, without_privileges(flown), TASK)


class _Workplace(NamedTuple):
    env: ManipulationEnv
    pipeline: Callable[[bool], Pipeline]  # of tries that are disturbed, or of the others


@lru_cache(maxsize=1)
def _workplace(config: TriesConfig) -> _Workplace:
    """What this process keeps from try to try."""
    configure_torch()
    model = load_model(model_dir(config.model), config.device)
    c = model.config
    described = EnvConfig(
        config.task, c.robot, c.cameras, c.image_size, config.time_limit, config.randomization
    )

    @lru_cache
    def pipeline(disturbed: bool) -> Pipeline:
        return build_pipeline(model, config.planner(disturbed), config.device)

    return _Workplace(ManipulationEnv(described), pipeline)
