"""What the rows are made of: a family, a task, and the model that is taken or trained for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.commands.leaderboard.config import GOAL, LeaderboardConfig
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.learning.precision import training_dtype
from wm_planner.learning.rounds import train
from wm_planner.learning.speed import updates_per_second
from wm_planner.learning.train_config import TrainConfig, train_config
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.safe_yaml import read_text
from wm_planner.world_models.families import family_of, find_family
from wm_planner.world_models.store import check_device, read_config

_MAX_SETTINGS = 2**16  # bytes


class Entry(NamedTuple):
    """What a row is about."""

    family: str
    task: str  # of the trials
    scene: str  # the task that the model was trained on: the same, but for `goal`
    given: Path | None  # folder of a trained model; None: to be trained
    search: PlannerConfig

    def __str__(self) -> str:
        return f"{self.family}, {self.task}"

    @property
    def name(self) -> str:
        """Of its folders."""
        return f"{self.family}_{self.task}"


def entries(config: LeaderboardConfig) -> list[Entry]:
    """A row for each family and task it can plan for, task by task."""
    found = []
    for task in config.tasks:
        scene = config.scene if task == GOAL else task
        for family in config.families:
            if task == GOAL or find_family(family).rewards:
                given = config.given.get((family, task), config.given.get((family, scene)))
                search = config.search_of(family, task)
                found.append(_checked(Entry(family, task, scene, given, search), config))
    if not found:
        raise UserError(
            f"families {', '.join(config.families)} know no reward, and tasks "
            f"{', '.join(config.tasks)} need one: add `goal` to --tasks"
        )
    return found


def model_of(entry: Entry, config: LeaderboardConfig) -> Path:
    """The folder of its model, which is trained first if it is not there; resumable."""
    if entry.given is not None:
        return model_dir(str(entry.given))
    wanted = _training(entry, config)
    described, updates = wanted.directory / "leaderboard.json", config.updates
    settings = _settings(wanted, config)
    before = _before(described, settings)
    if config.minutes and before is None:
        dtype = training_dtype(wanted.precision, device := check_device(wanted.device))
        rate = updates_per_second(wanted.network, dtype, device)
        updates = max(1, round(60 * config.minutes * rate))
    elif config.minutes and before is not None:
        updates = before["updates"]
    if before is None:
        write_json(described, {**settings, "updates": updates})
    return train(_training(entry, config, updates))


def _training(entry: Entry, config: LeaderboardConfig, updates: int = 1) -> TrainConfig:
    """The family's own defaults, but for the data and the budget."""
    return train_config(entry.family)(
        task=entry.scene,
        family=entry.family,
        data=(_dataset(entry, config),),
        out=config.out / "models" / f"{entry.family}_{entry.scene}",
        episodes=config.episodes,
        updates=updates,
        privileged=config.privileged,
        seed=config.training_seed,
        device=config.device,
        threads=config.threads,
    )


def _settings(wanted: TrainConfig, config: LeaderboardConfig) -> dict[str, Any]:
    """What makes a training what it is, for it to go on only with the same."""
    return {
        "family": wanted.family,
        "data": str(data := wanted.datasets[0]),
        "bytes": data.stat().st_size,
        "episodes": wanted.episodes,
        "budget": config.budget,
        "privileged": wanted.privileged,
        "seed": wanted.seed,
    }


def _before(described: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """What an earlier run said of this training; None without one, an error if it was another."""
    if not described.exists():
        return None
    try:
        found = parse_json(read_text(described, _MAX_SETTINGS))
    except ValueError as error:
        raise UserError(f"{described}: {error}; remove {described.parent}") from error
    for key, value in settings.items():
        if not isinstance(found, dict) or found.get(key) != value:
            was = found.get(key) if isinstance(found, dict) else None
            raise UserError(
                f"{described.parent}: a model of other settings: {key} was {was}, is now {value}; "
                "run with those again, choose another --out or remove the folder"
            )
    if not isinstance(found.get("updates"), int):
        raise UserError(f"{described}: says no updates; remove {described.parent}")
    return found


def _dataset(entry: Entry, config: LeaderboardConfig) -> Path:
    return config.data / f"{entry.scene}.hdf5"


def _checked(entry: Entry, config: LeaderboardConfig) -> Entry:
    """Before hours of work: data or model are there, and the model is what it is said to be."""
    if entry.given is None:
        if not (path := _dataset(entry, config)).is_file():
            raise UserError(
                f"{path}: no such dataset; `wm_planner collect --task {entry.scene}` makes one, "
                f"--data names its folder, or take a model with --models {entry.family}:"
                f"{entry.scene}=FOLDER"
            )
        return entry
    described = read_config(model_dir(str(entry.given)) / "config.yaml")
    family = family_of(described.network).name
    if family != entry.family or (described.task != entry.scene and entry.task != GOAL):
        raise UserError(
            f"models: {entry.given} is of family {family} and task {described.task}, not of "
            f"{entry.family} and {entry.scene}; give it as {family}:{described.task}={entry.given}"
        )
    return entry._replace(scene=described.task)
