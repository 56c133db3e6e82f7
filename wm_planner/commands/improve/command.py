"""The improve command: let the planner try, train on, and take the new model if it is no worse.

A world model and a policy that learn from what they themselves do, with a gate, so that a robot is
never worse in the morning than it was in the evening.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from wm_planner.commands.improve.config import ImproveConfig
from wm_planner.commands.improve.held_out import Standing, verdicts
from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained, write_json, write_whole
from wm_planner.learning.episodes import BY_PLANNER, open_dataset
from wm_planner.learning.rounds import train
from wm_planner.learning.train_config import TrainConfig, train_config
from wm_planner.learning.tries import TriesConfig, Try, tries_in_process
from wm_planner.learning.try_files import Tally, TryFiles
from wm_planner.monitoring import look, surprise
from wm_planner.paths import model_dir
from wm_planner.safe_yaml import read_text
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel, load_model, read_config, write_config

OLD = "the old model"
_MAY_DIFFER = ("out", "workers", "threads", "device")  # of a run that goes on
_MAX_BYTES = 2**20  # of settings and verdicts
_FILES = ("model.safetensors", "config.yaml", surprise.FILE, look.FILE)


def improve(config: ImproveConfig) -> dict[str, Any]:
    """Go through the rounds that are left; returns what improve.json holds."""
    old = _checked(config)
    _begin(config, old)
    best = [Standing(OLD, old.directory, config.directory / "held_out")]
    rounds = []
    for number in range(1, config.rounds + 1):
        if not (verdict := config.folder(number) / "gate.json").exists():
            _publish(best[-1].model, config.directory)
            _go_through(config, number, old, best)
        rounds.append(found := json.loads(read_text(verdict, _MAX_BYTES)))
        if found["taken"]:
            best.append(_taken(config, number, found))
    _publish(best[-1].model, config.directory)
    summary = {"best": best[-1].name, "model": str(config.directory), "rounds": rounds}
    write_json(config.directory / "improve.json", summary)
    print(f"best   {config.directory} ({best[-1].name})")
    return summary


def _go_through(config: ImproveConfig, number: int, old: LoadedModel, best: list[Standing]) -> None:
    """A round: tries, training, and the verdict on the new model, which gate.json holds."""
    folder, task = config.folder(number), config.task or old.config.task
    tally = _try(config, number, best[-1].model, task)
    if not (folder / "config.yaml").exists():
        train(_training(config, old, number, best[-1].model))
    new = Standing(f"the model of round {number}", folder, folder / "held_out")
    found = [v for t in config.tasks or old.config.tasks for v in verdicts(config, new, best, t)]
    taken = all(verdict.passed for verdict in found)
    for line in (*(verdict.told() for verdict in found), "taken" if taken else "not taken"):
        tqdm.write(f"round {number}: {line}")
    gate = [verdict.plain() for verdict in found]
    told = {"round": number, "taken": taken, "tries": tally._asdict(), "gate": gate}
    write_json(folder / "gate.json", told)


def _taken(config: ImproveConfig, number: int, verdict: dict[str, Any]) -> Standing:
    """A round's model that passed, which tells so itself from now on."""
    folder = config.folder(number)
    described = read_config(folder / "config.yaml")
    write_config(folder, replace(described, provenance={**described.provenance, **verdict}))
    return Standing(f"the model of round {number}", folder, folder / "held_out")


def _checked(config: ImproveConfig) -> LoadedModel:
    """The model, if all that is needed is there."""
    if not config.model:
        raise UserError("which model is to improve? Name it: --model runs/grasp")
    old = load_model(model_dir(config.model), config.device)
    if config.directory.resolve() == old.directory.resolve():
        raise UserError(
            f"{config.directory} is the model itself, which is kept as it is; choose another --out"
        )
    if not (family := family_of(old.config.network)).rewards:
        raise UserError(
            f"{config.model} is of family {family.name}, which knows no task, only goal pictures: "
            "nobody would say what to try; improve a model that learned a task"
        )
    for task in (*config.tasks, config.task or old.config.task):
        if task not in (known := old.config.tasks):
            raise UserError(f"task '{task}': the model knows '{', '.join(known)}' only")
    trained_on = old.config.provenance.get("data", [])
    told = ", ".join(map(str, trained_on)) or "not told"
    if not config.data:
        raise UserError(
            f"no data: the datasets {config.model} was trained on ({told}) are trained on again, "
            "so that it forgets nothing; name them: --data data/grasp.hdf5"
        )
    for path in config.data:
        open_dataset(path).close()
    if lacking := sorted(set(map(str, trained_on)) - {path.name for path in config.data}):
        tqdm.write(f"note: {config.model} was trained on {', '.join(lacking)} too; it may forget")
    if old.config.privileged:
        tqdm.write(
            f"note: {config.model} learned the simulation's rewards; of tries it is told only "
            "whether they worked. Train with --no-privileged to learn the same from both"
        )
    return old


def _begin(config: ImproveConfig, old: LoadedModel) -> None:
    """Say in settings.json what is run, or see that it is what was begun here."""
    values = json.loads(json.dumps({**asdict(config), "sha256": old.sha256}, default=str))
    wanted = {k: v for k, v in values.items() if k not in _MAY_DIFFER}
    path = config.directory / "settings.json"
    if not path.exists():
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(wanted, indent=2))
        return
    try:
        found = dict(json.loads(read_text(path, _MAX_BYTES)))
    except ValueError as error:
        raise UserError(
            f"{path}: not the settings of a run ({error}); remove the folder"
        ) from error
    for key in (*wanted, *found):
        if found.get(key) != wanted.get(key):
            raise UserError(
                f"{config.directory}: begun with other settings: {key} was {found.get(key)}, is "
                f"now {wanted.get(key)}; go on with those, or choose another --out"
            )


def _try(config: ImproveConfig, number: int, model: Path, task: str) -> Tally:
    """Make the tries of a round that are missing; returns what came of all of them."""
    seeds = config.seeds(number)
    files = TryFiles(config.folder(number) / "tries.hdf5", seeds)
    if missing := files.missing:
        bar = tqdm(total=len(seeds), initial=len(seeds) - len(missing), unit="try")
        bar.set_description(f"round {number} of {config.rounds}")
        with bar:
            worked = 0
            for attempt in _tries(config, config.tries(model, task), missing):
                with explained(files.dataset, "finished tries are safe"):
                    files.add(attempt)
                worked += attempt.episode is not None and attempt.episode.success
                bar.set_postfix_str(f"{worked} worked")
                bar.update()
    tally = files.merge({"env_name": task, "type": 2, "env_kwargs": {}, "demonstrator": BY_PLANNER})
    tqdm.write(f"round {number}: {tally.told()}")
    return tally


def _tries(config: ImproveConfig, how: TriesConfig, seeds: list[int]) -> Iterator[Try]:
    if not config.ros:
        return tries_in_process(how, seeds)
    from wm_planner.nodes.tries import tries_over_ros  # rclpy only where it is needed

    tqdm.write(
        "y: it worked; n: it did not; either ends a try, and counts more than the task's word"
    )
    return tries_over_ros(how, seeds)


def _training(config: ImproveConfig, old: LoadedModel, number: int, start: Path) -> TrainConfig:
    """From the model in `start` on, as the old one was trained, as far as it tells."""
    c = old.config
    tries = (config.folder(i) / "tries.hdf5" for i in range(1, number + 1))
    kind = train_config(family_of(c.network).name)
    usual = kind(unfelt=0.0)
    return replace(
        usual,
        task=c.task,
        robot=c.robot,
        cameras=c.cameras,
        data=(*config.data, *tries),
        out=config.folder(number),
        start=str(start),
        updates=config.updates,
        prior_updates=_of_prior(c.provenance, "updates"),
        reaction=_of_prior(c.provenance, "reaction"),
        privileged=c.privileged,
        batch_size=config.batch_size or usual.batch_size,
        unfelt=TrainConfig.unfelt if c.network.unfelt else 0.0,
        seed=number,
        device=config.device,
        threads=config.threads,
        network=c.network,
    )


def _of_prior(provenance: dict[str, Any], name: str) -> int:
    """A number that its action prior was fitted by itself with, 0 if it was not."""
    fitted = provenance.get("prior")
    told = fitted.get(name) if isinstance(fitted, dict) else 0
    return told if isinstance(told, int) and told > 0 else 0


def _publish(model: Path, folder: Path) -> None:
    """Make `folder` hold the files of `model`; each is there whole or not at all."""
    for name in reversed(_FILES):  # its scale of surprise first: it is of certain weights
        source, target = model / name, folder / name
        if not source.is_file():
            target.unlink(missing_ok=True)
            continue
        partial = target.with_name(f"{name}.partial")
        shutil.copyfile(source, partial)
        partial.replace(target)
