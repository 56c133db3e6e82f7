"""Train, let the planner act, train on what comes of it: data aggregation in rounds, resumable.

Offline data alone leaves places that only a planner goes to, where the model believes in rewards
that are not there. What a person shows there fills them (HG-DAgger, Kelly 2019, arXiv:1810.02890),
or, to measure a ceiling, the planner's own episodes, labelled by the expert (DAgger, Ross 2011,
arXiv:1011.0686).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.learning.collect import CollectConfig, Mastered, collect
from wm_planner.learning.decoder import DecoderConfig, fit_decoder
from wm_planner.learning.episodes import demo, demo_names, open_dataset
from wm_planner.learning.going_on import shapes_of
from wm_planner.learning.heads import fit_heads
from wm_planner.learning.heads_config import HeadsConfig
from wm_planner.learning.look import write_look
from wm_planner.learning.picture_fit import PictureConfig
from wm_planner.learning.repainter import RepainterConfig, fit_repainter
from wm_planner.learning.takeover import outcomes
from wm_planner.learning.train import fit
from wm_planner.learning.train_config import TrainConfig, train_config
from wm_planner.monitoring import look
from wm_planner.paths import model_dir
from wm_planner.world_models.store import read_config

__all__ = ["train", "train_config"]

_Pictures = TypeVar("_Pictures", bound=PictureConfig)
_SEEDS_A_ROUND = 100_000  # room for the seeds of a round's episodes


def train(config: TrainConfig) -> Path:
    """Train in rounds, or go on with it, and return the model's folder.

    Round i is in <out>/round_<i>: its own episodes, checkpoints, log and model. The last one's, or
    the best one's where a person watched, with its prior fitted anew is in <out>/prior, that with
    its decoder in <out>/decoder, that with a repainter in <out>/repainter. What is there is not
    made again.
    """
    datasets, folder = list(config.datasets), _round(config, 0)
    start = model_dir(config.start) if config.start else None
    if start is not None:
        config = replace(config, network=shapes_of(start, config.family, config.network))
    _fit_once(config, datasets, folder, start)
    if config.rounds:
        teach = _labelled if config.privileged else _taken_over
        folder = teach(config, datasets, folder)
    if config.prior_updates:
        folder = _with_prior(config, datasets, folder)
    if config.decoder_updates:
        decoder = DecoderConfig(updates=config.decoder_updates)
        folder = _with_pictures(config, datasets, folder, "decoder", decoder, fit_decoder)
    if config.repainter_updates:
        painter = RepainterConfig(updates=config.repainter_updates)
        folder = _with_pictures(config, datasets, folder, "repainter", painter, fit_repainter)
    write_look(folder, datasets)
    for name in (look.FILE, "model.safetensors", "config.yaml"):  # the last says that all is there
        shutil.copyfile(folder / name, config.directory / name)
    return config.directory


def _labelled(config: TrainConfig, datasets: list[Path], model: Path) -> Path:
    """The last of the models that learned in turns what an expert says of their own episodes."""
    for number in range(1, config.rounds + 1):
        tqdm.write(f"round {number} of {config.rounds}: the planner acts, the expert labels")
        datasets.append(_episodes(config, number, model))
        model = _another_round(config, number, datasets, model)
    return model


def _taken_over(config: TrainConfig, datasets: list[Path], model: Path) -> Path:
    """The best of the models that learned in turns what a person showed them where they failed.

    The best is the one that mastered most of the starts in which it was watched, as watched.json
    tells of each. Each round begins from the best one so far: by chance, more training may also
    make a planner worse. What is shown the last one is for a further round.
    """
    best, most, told = model, -1.0, {}
    for number in range(1, config.rounds + 2):
        tqdm.write(f"a person watches {model.name} of {config.rounds} rounds")
        try:
            shown = _episodes(config, number, model)
        except Mastered as error:
            tqdm.write(f"no more rounds: {error}")
            return model
        mastered, starts = _outcomes(config, number, shown)
        told[model.name] = {"mastered": mastered, "starts": starts}
        write_json(config.directory / "watched.json", told)
        if mastered / starts >= most:
            best, most = model, mastered / starts
        tqdm.write(f"{model.name} mastered {mastered} of {starts} starts; best: {best.name}")
        if number <= config.rounds:
            datasets.append(shown)
            model = _another_round(config, number, datasets, best)
    return best


def _another_round(config: TrainConfig, number: int, datasets: list[Path], start: Path) -> Path:
    """The folder of the model that goes on from `start`."""
    again = replace(config, updates=config.round_updates, episodes=0, snapshots=())
    _fit_once(again, datasets, folder := _round(config, number), start)
    return folder


def _fit_once(config: TrainConfig, datasets: list[Path], folder: Path, start: Path | None) -> None:
    described = folder / "config.yaml"
    done = read_config(described).provenance.get("updates", 0) if described.exists() else 0
    if not isinstance(done, int):
        raise UserError(f"{described}: provenance.updates is {done!r}, expected a whole number")
    if done < config.updates:
        fit(config, datasets, folder, start)


def _with_prior(config: TrainConfig, datasets: list[Path], model: Path) -> Path:
    """The folder of `model` with its action prior fitted anew."""
    wanted = HeadsConfig(
        model=str(model),
        data=tuple(datasets),
        episodes=0 if config.rounds else config.episodes,
        out=(out := config.directory / "prior"),
        only=("prior",),
        updates=config.prior_updates,
        reaction=config.reaction,
        horizon=0,
        dreamt=0.0,
        privileged=config.privileged,
        held_out=config.held_out,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    return _refitted("prior", out, wanted.updates, model, lambda: fit_heads(wanted))


def _with_pictures(
    config: TrainConfig,
    datasets: list[Path],
    model: Path,
    part: str,
    settings: _Pictures,
    fit: Callable[[_Pictures], Path],
) -> Path:
    """The folder of `model` with a part that draws fitted by `fit`, as `settings` say."""
    wanted = replace(
        settings,
        model=str(model),
        data=config.decoder_data or tuple(datasets),
        out=(out := config.directory / part),
        seed=config.seed,
        device=config.device,
        threads=config.threads,
        precision=config.precision,
    )
    return _refitted(part, out, wanted.updates, model, lambda: fit(wanted))


def _refitted(part: str, out: Path, updates: int, model: Path, fit: Callable[[], Path]) -> Path:
    """The folder `out` of `model` with a part fitted anew; begun again if it was interrupted."""
    if (out / "config.yaml").exists():
        before, provenance = (read_config(x / "config.yaml").provenance for x in (model, out))
        done = provenance.pop(part)
        if provenance == before and done["updates"] == updates:
            return out
    return fit()


def _round(config: TrainConfig, number: int) -> Path:
    return config.directory / f"round_{number}"


def _episodes(config: TrainConfig, number: int, model: Path) -> Path:
    """The dataset of a round, of what becomes of `model`."""
    wanted = CollectConfig(
        task=config.task,
        robot=config.robot,
        episodes=config.round_episodes,
        out=_round(config, number) / f"round_{number}.hdf5",
        seed=number * _SEEDS_A_ROUND,
        workers=config.workers,
        image_size=config.network.image_size,
        demonstrator="expert" if config.privileged else "person",
        model=model,
        search=config.search,
        randomization=config.randomization,
    )
    return wanted.path if wanted.path.exists() else collect(wanted)


def _outcomes(config: TrainConfig, number: int, shown: Path) -> tuple[int, int]:
    """Of how many starts the model that was watched for a round mastered how many."""
    with open_dataset(shown) as file:
        began = [int(demo(file, name).attrs["seed"]) for name in demo_names(file)]
    return outcomes(began, number * _SEEDS_A_ROUND, config.round_episodes)
