"""Trials of a row: the planner, its prior alone, the planner without it, and doing nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.commands.leaderboard.config import GOAL, LeaderboardConfig
from wm_planner.commands.leaderboard.entries import Entry
from wm_planner.commands.leaderboard.row import Successes
from wm_planner.commands.trials import run_trials
from wm_planner.evaluation.goals.command import run_goals
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.trials import WITHOUT_PRIOR, TrialsConfig

_PLANNER = "mppi"


class Outcome(NamedTuple):
    """Of each planner, on the same starts; None where it was not tried."""

    planner: Successes | None = None
    prior: Successes | None = None
    without_prior: Successes | None = None


def try_planners(entry: Entry, model: Path, config: LeaderboardConfig) -> Outcome:
    """Towards the scene's rewards, or towards goal pictures; resumable."""
    folder = config.out / "trials" / entry.name
    found = _tried(entry, model, config, folder, (_PLANNER, "prior", WITHOUT_PRIOR))
    return Outcome(found[_PLANNER], found["prior"], found[f"{_PLANNER} without prior"])


def try_nothing(entry: Entry, model: Path, config: LeaderboardConfig) -> Successes:
    """Doing nothing, which is the same whatever the model; resumable."""
    folder = config.out / "trials" / f"noop_{entry.task}"
    return _tried(entry, model, config, folder, ("noop",))["noop"]


def _tried(
    entry: Entry,
    model: Path,
    config: LeaderboardConfig,
    folder: Path,
    planners: tuple[str, ...],
) -> dict[str, Successes]:
    """By their names in reports."""
    common: dict[str, Any] = {
        "task": entry.scene,
        "model": str(model),
        "trials": config.trials,
        "seed": config.seed,
        "workers": config.workers,
        "device": config.device,
        "out": folder,
        "search": entry.search,
    }
    if entry.task == GOAL:
        result = run_goals(GoalsConfig(**common, planners=planners))
    else:
        main, *baselines = planners
        result = run_trials(TrialsConfig(**common, planner=main, baselines=tuple(baselines)))
    return {name: _counted(own) for name, own in result["planners"].items()}


def _counted(summary: Mapping[str, Any]) -> Successes:
    return Successes.of(summary["successes"], summary["trials"])
