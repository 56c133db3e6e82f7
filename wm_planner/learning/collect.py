"""Collect training episodes in simulation, in parallel and resumable."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from tqdm import tqdm

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.behaviour import (
    GENTLE,
    PLAY,
    UNDISTURBED,
    Disturbance,
    Mix,
    Pilot,
    follow_expert,
)
from wm_planner.learning.drive import drive
from wm_planner.learning.episodes import (
    Episode,
    merge_episodes,
    open_dataset,
    without_privileges,
    write_episode,
)
from wm_planner.learning.flight import Flight
from wm_planner.learning.person import Person
from wm_planner.learning.pilots import Pilots
from wm_planner.learning.takeover import PATIENCE, STARTS, starts_of, taken_over
from wm_planner.paths import model_dir, robot_config
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlannerConfig
from wm_planner.processor import configure_torch
from wm_planner.world_models.store import load_model, read_config

EVALUATION_SEED = 5_000_000  # this seed and up are for evaluation only
DEMONSTRATORS = ("expert", "person", "play")
_SHARE = 0.7  # of the task's time limit, the longest training episode
_LONGEST = 10_000  # steps that an episode may linger
TRAINING = Randomization(
    camera_position=(0.0, 0.025),
    camera_angle=(0.0, 4.0),
    light=(0.45, 1.8),
    colour=(0.0, 0.15),
    friction=(0.45, 2.2),
    size=(0.88, 1.12),
    latency=(0.0, 0.12),
)


class Mastered(UserError):
    """Nobody has anything to show a model that fails nowhere."""


@dataclass(frozen=True)
class CollectConfig:
    """Collect training episodes in simulation: of an expert or a planner, disturbed, or a person.

    Attributes:
        task: name of the task.
        robot: name of the arm in config/robots, or the path of its file.
        episodes: how many episodes the dataset has in the end.
        out: dataset to write (HDF5, robomimic layout); default data/<task>.hdf5.
        seed: of the first episode; the others follow. 5,000,000 and up are refused.
        workers: processes.
        image_size: height and width of the frames, pixels.
        demonstrator: expert, an oracle that is disturbed and labels every state it gets into;
            person, who is slow, late and clumsy, fails in 10 to 20 % of episodes, and leaves what a
            real robot's file holds: frames, joints, actions, and whether it worked; or play, random
            actions low over the table, as the expert labels them.
        linger: steps that an episode goes on after the task is done, so that a model sees that
            things stay as they are.
        model: folder of a model whose planner acts instead of the expert, which still labels. With
            a person it tries first: where its hand comes to rest, or the time limit has gone by,
            the person takes over, and what is kept is what that showed. Starts that the model
            masters are passed over, up to 20 an episode: then there is one less.
        search: settings of the planner that a person watches.
        randomization: what differs from episode to episode besides the start.
    """

    task: str = "grasp"
    robot: str = "panda"
    episodes: int = 600
    out: Path | None = None
    seed: int = 0
    workers: int = 2
    image_size: int = 64
    demonstrator: str = "expert"
    linger: int = 0
    model: Path | None = None
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = TRAINING

    def __post_init__(self) -> None:
        make_task(self.task)
        robot_config(self.robot)
        if self.demonstrator not in DEMONSTRATORS:
            raise UserError(
                f"demonstrator is {self.demonstrator!r}, expected {' or '.join(DEMONSTRATORS)}"
            )
        if self.demonstrator == "play" and self.model is not None:
            raise UserError("demonstrator is play, and a model is to act: leave one of them out")
        if not 0 <= self.linger <= _LONGEST:
            raise UserError(f"linger is {self.linger}, expected 0 to {_LONGEST} steps")
        if self.episodes < 1 or not 1 <= self.workers <= 1024:
            raise UserError(
                f"episodes {self.episodes} and workers {self.workers} must be at least 1, workers "
                "up to 1024"
            )
        if not 16 <= self.image_size <= 1024:
            raise UserError(f"image_size is {self.image_size}, expected 16 to 1024 pixels")
        last = self.seed + self.episodes - 1
        if self.watches:
            last = starts_of(last, self.episodes)[-1]
        if self.seed < 0 or last >= EVALUATION_SEED:
            raise UserError(
                f"seeds {self.seed} to {last} reach into those kept for "
                f"evaluation ({EVALUATION_SEED} and up); choose a smaller --seed"
            )

    @property
    def watches(self) -> bool:
        """Whether a person watches a model."""
        return self.demonstrator == "person" and self.model is not None

    @property
    def path(self) -> Path:
        return self.out or Path("data") / f"{self.task}.hdf5"

    @property
    def env(self) -> EnvConfig:
        size, changes = self.image_size, self.randomization
        return EnvConfig(self.task, self.robot, image_size=size, randomization=changes)


def collect(config: CollectConfig) -> Path:
    """Collect what is missing of the dataset and return its path.

    Every finished episode is a file of its own in <out>.parts until all are there; a second call
    after an interruption goes on from those.

    Raises:
        Mastered: a model was watched that failed nowhere.
    """
    if config.path.exists():
        raise UserError(f"{config.path}: exists already; choose another --out or remove it")
    _check_model(config)
    parts = config.path.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    seeds = range(config.seed, config.seed + config.episodes)
    files = [parts / f"{seed}.hdf5" for seed in seeds]
    for half_written in parts.glob("*.partial-*"):
        half_written.unlink()
    for file in filter(Path.exists, files):
        _check_part(file, config)
    missing = [seed for seed, file in zip(seeds, files, strict=True) if not file.exists()]
    with tqdm(total=config.episodes, initial=config.episodes - len(missing), unit="episode") as bar:
        for _ in _run(config, parts, missing):
            bar.update()
    files = [file for file in files if file.exists()]
    if not files:
        raise Mastered(
            f"{config.model} masters all starts from seed {config.seed} on: there is nothing to "
            "take over; show another task, or other scenes (--randomization)"
        )
    merge_episodes(files, config.path, _env_args(config))
    if lacking := config.episodes - len(files):
        tqdm.write(f"{lacking} episodes less: {config.model} masters {STARTS} starts of each")
    for file in files:
        file.unlink()
    if not any(parts.iterdir()):  # episodes of other seeds stay
        parts.rmdir()
    return config.path


def _check_model(config: CollectConfig) -> None:
    if config.model is None:
        return
    robot = read_config(model_dir(config.model) / "config.yaml").robot
    if robot != config.robot:
        raise UserError(
            f"{config.model}: learned on robot {robot}, and robot is {config.robot}; give "
            f"--robot {robot}"
        )


def _env_args(config: CollectConfig) -> dict[str, Any]:
    """How robomimic describes an environment, whose type 2 is Gym; and who acted in it."""
    env = config.env
    described = {"env_name": env.task, "type": 2, "env_kwargs": asdict(env)}
    if config.demonstrator != "expert":
        described["demonstrator"] = config.demonstrator
    if config.linger:
        described["linger"] = config.linger
    if config.watches:
        described["takes_over_from"] = str(config.model)
        described["search"] = asdict(config.search)
    return described


def _check_part(file: Path, config: CollectConfig) -> None:
    with open_dataset(file) as part:
        if part["data"].attrs.get("env_args") != json.dumps(_env_args(config)):
            raise UserError(
                f"{file}: collected with other settings, expected {config.demonstrator} in "
                f"{config.env}; collect with those of the "
                f"interrupted run, choose another --out or remove {file.parent}"
            )


def _run(config: CollectConfig, parts: Path, seeds: list[int]) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, mp_context=context) as pool:
        futures = [pool.submit(_collect_one, config, parts, seed) for seed in seeds]
        try:
            for future in as_completed(futures):
                future.result()
                yield
        except (OSError, BrokenProcessPool) as error:  # HDF5 may crash when it cannot write
            free = shutil.disk_usage(parts).free // 2**20
            raise UserError(
                f"{parts}: an episode could not be written ({error}); {free} MiB are free on that "
                "disk. Finished episodes are safe: make room and run the same command again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


@lru_cache(maxsize=1)
def _environment(config: EnvConfig) -> ManipulationEnv:
    return ManipulationEnv(config)


@lru_cache(maxsize=1)
def _watched(model: Path, search: PlannerConfig) -> Pipeline:
    configure_torch()
    return build_pipeline(load_model(model_dir(model)), search)


@lru_cache(maxsize=1)
def _pilots(model: Path) -> Pilots:
    return Pilots(model)


def _collect_one(config: CollectConfig, parts: Path, seed: int) -> None:
    env, rng = _environment(config.env), np.random.default_rng([seed, 1])
    moves = env.arm.action_size - 1
    if config.demonstrator == "person":
        shown = _shown(config, env, seed, rng)
        if shown is None:
            return
        episode = without_privileges(shown)
    else:
        most = round(_SHARE * env.task.time_limit)
        pilot: Pilot = follow_expert
        mix = PLAY if config.demonstrator == "play" else Mix()
        if config.model is not None:
            pilot, mix = _pilots(config.model).lend(env.task, seed, most, rng), GENTLE
        episode = drive(env, seed, pilot, Disturbance(mix, rng, moves), most, config.linger)
    partial = parts / f"{seed}.partial-{os.getpid()}"
    with h5py.File(partial, "w") as file:
        write_episode(file.create_group("data/demo_0"), episode)
        file["data"].attrs["env_args"] = json.dumps(_env_args(config))
    partial.replace(parts / f"{seed}.hdf5")


def _shown(
    config: CollectConfig, env: ManipulationEnv, seed: int, rng: np.random.Generator
) -> Episode | None:
    """What a person shows, from the start or from where a model gets nowhere, if it does."""
    if config.model is None:
        calm = Disturbance(UNDISTURBED, rng, env.arm.action_size - 1)
        most = round(PATIENCE * env.task.time_limit)
        return drive(env, seed, Person(rng), calm, most, config.linger)
    pipeline = _watched(config.model, config.search)

    def lend(start: int) -> Pilot:
        return Flight(pipeline, env.task, start)

    return taken_over(env, lend, starts_of(seed, config.episodes), rng, config.linger)
