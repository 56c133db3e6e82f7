"""The leaderboard command: train or take, try, evaluate, time, and write the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from tqdm import tqdm

from wm_planner.assembly import build_pipeline
from wm_planner.commands.leaderboard.answer import answers
from wm_planner.commands.leaderboard.config import GOAL, LeaderboardConfig
from wm_planner.commands.leaderboard.entries import Entry, entries, model_of
from wm_planner.commands.leaderboard.figures import Figures, evaluated
from wm_planner.commands.leaderboard.page import render
from wm_planner.commands.leaderboard.pictures import imagined
from wm_planner.commands.leaderboard.row import Row, Successes
from wm_planner.commands.leaderboard.times import Times, measure_times
from wm_planner.commands.leaderboard.trying import Outcome, try_nothing, try_planners
from wm_planner.evaluation.records import explained, write_json, write_whole
from wm_planner.interfaces import Decodable
from wm_planner.pipeline import Pipeline
from wm_planner.provenance import git_revision, machine
from wm_planner.world_models.families import find_family
from wm_planner.world_models.store import LoadedModel, load_model

_REPEATS, _QUICK_REPEATS = 100, 5  # timed calls of each kind
_SEARCH = ("samples", "iterations", "horizon")
_OF_TRIALS = ("planner", "prior", "without_prior", "plan_ms")
_TRAINING = ("updates", "wall_minutes", "episodes", "steps", "privileged", "seed")

Models = Mapping[Entry, LoadedModel]


def leaderboard(config: LeaderboardConfig) -> dict[str, Any]:
    """Print the answer, write the page and the rows, and return what --json writes."""
    config = config.shortened()
    with explained(config.out):  # before hours of work
        config.out.mkdir(parents=True, exist_ok=True)
    models = _models(config)
    rows = _rows(models, config)
    result = _result(rows, config, any(entry.given is None for entry in models))
    for path in (config.out / "leaderboard.json", config.json):
        if path is not None:
            write_json(path, result)
    page = config.out / "leaderboard.html"
    write_whole(page, render(rows, result, _pictures(models, config)))
    for part in result["answer"]:
        print("\n  ".join([part["verdict"], *part["details"]]))
    print(f"board  {page}")
    return result


def _models(config: LeaderboardConfig) -> dict[Entry, LoadedModel]:
    found = {}
    for entry in _told("model", entries(config)):
        found[entry] = load_model(model_of(entry, config), config.device)
    return found


def _rows(models: Models, config: LeaderboardConfig) -> list[Row]:
    able = {entry: model for entry, model in models.items() if _can_plan(entry, model)}
    outcomes: dict[Entry, Outcome] = {}
    nothing: dict[str, Successes] = {}
    for entry in _told("trials", able):
        folder = models[entry].directory
        outcomes[entry] = try_planners(entry, folder, config)
        if entry.task not in nothing:
            nothing[entry.task] = try_nothing(entry, folder, config)
    figures = {e: evaluated(models[e], config) for e in _told("evaluation", models)}
    times = _times(models, config)
    return [
        _row(e, m, outcomes.get(e, Outcome()), nothing.get(e.task), figures[e], times[e.name])
        for e, m in models.items()
    ]


def _can_plan(entry: Entry, model: LoadedModel) -> bool:
    """A picture of a goal does not tell what the robot's body felt."""
    return entry.task != GOAL or model.config.network.unfelt


def _times(models: Models, config: LeaderboardConfig) -> dict[str, Times]:
    timed: dict[str, tuple[LoadedModel, Pipeline | None]] = {}
    for entry, model in models.items():
        search = entry.search.towards_goals() if entry.task == GOAL else entry.search
        able = _can_plan(entry, model)
        pipeline = build_pipeline(model, search, config.device) if able else None
        timed[entry.name] = (model, pipeline)
    repeats = _QUICK_REPEATS if config.quick else _REPEATS
    here = machine(config.device)
    return measure_times(
        timed, here, repeats, config.device, config.threads, config.out / "times.json"
    )


def _row(
    entry: Entry,
    model: LoadedModel,
    outcome: Outcome,
    noop: Successes | None,
    figures: Figures,
    times: Times,
) -> Row:
    decoder = sum(p.numel() for p in model.world_model.decoder.parameters())
    provenance = model.config.provenance
    row = Row(
        family=entry.family,
        task=entry.task,
        scene=entry.scene,
        model=str(model.directory),
        sha256=model.sha256,
        search={k: getattr(entry.search, k) for k in _SEARCH},
        **outcome._asdict(),
        noop=noop,
        plan_ms=times.plan_ms,
        encode_ms=times.encode_ms,
        play_fps=round(1e3 / times.play_ms.p50, 1) if times.play_ms else None,
        updates_per_s=times.updates_per_s,
        batch_size=(family := find_family(entry.family)).batch_size,
        batch_steps=family.horizon,
        training={k: provenance[k] for k in _TRAINING if k in provenance},
        parameters=sum(p.numel() for p in model.world_model.parameters()) - decoder,
        decoder_parameters=decoder,
        **{f.name: getattr(figures, f.name) for f in fields(figures)},
    )
    row.reasons.update(_reasons(row, model))
    return row


def _reasons(row: Row, model: LoadedModel) -> dict[str, str]:
    """Why a figure is missing, by its name."""
    found = {}
    if row.planner is None:
        found = dict.fromkeys(
            _OF_TRIALS,
            "it never learned without proprioception, which a goal picture does not show",
        )
    if row.decision is None:
        found["decision"] = "it knows no reward, so plans have no imagined return to compare"
    if row.play_fps is None:
        found["play_fps"] = "it does not decode"
    if row.drift is None:
        found["drift"] = "nothing was imagined for 100 steps"
    return found


def _pictures(models: Models, config: LeaderboardConfig) -> dict[str, Any]:
    """By scene: what every family that can be looked at imagines of the same episode."""
    found: dict[str, dict[str, LoadedModel]] = {}
    for entry, model in models.items():
        if isinstance(model.world_model, Decodable):
            found.setdefault(entry.scene, {}).setdefault(entry.family, model)
    return {scene: imagined(scene, own, config.seed) for scene, own in found.items()}


def _result(rows: Sequence[Row], config: LeaderboardConfig, trained: bool) -> dict[str, Any]:
    return {
        "rows": [asdict(row) for row in rows],
        "answer": [asdict(part) for part in answers(rows)],
        "families": {name: find_family(name).about for name in config.families},
        "seeds": {
            "trials": [config.seed, config.seed + config.trials - 1],
            "evaluation": config.seed,
            "training": config.training_seed,
        },
        "budget": {
            "training": config.budget,
            "trained": trained,
            "privileged": config.privileged,
            "data": str(config.data),
            "episodes": config.episodes,
            "taken": list(config.models),
        },
        "machine": {**machine(config.device), "threads": config.threads},
        "quick": config.quick,
        "git": git_revision(),
    }


def _told(what: str, wanted: Iterable[Entry]) -> Iterator[Entry]:
    """The entries one after the other, with a bar that says which it is."""
    with tqdm(list(wanted), desc=what, unit="row") as bar:
        for entry in bar:
            bar.set_postfix_str(str(entry))
            yield entry
