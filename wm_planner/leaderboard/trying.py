"""Trials of a row: the planner, its prior alone, the planner without it, and doing nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.evaluation.trials import WITHOUT_PRIOR, TrialsConfig
from wm_planner.leaderboard.config import LeaderboardConfig
from wm_planner.leaderboard.entries import Entry
from wm_planner.leaderboard.row import Successes
from wm_planner.trials import run_trials

PLANNER = "mppi"


class Outcome(NamedTuple):
    """Of each planner, on the same starts; None where there is no such planner."""

    planner: Successes | None
    prior: Successes | None
    without_prior: Successes | None


def try_planners(entry: Entry, model: Path, config: LeaderboardConfig) -> Outcome:
    """On the scene's own task; resumable."""
    folder = config.out / "trials" / entry.name
    found = _planners(entry, model, config, folder, PLANNER, ("prior", WITHOUT_PRIOR))
    return Outcome(found[PLANNER], found["prior"], found[f"{PLANNER} without prior"])


def try_nothing(entry: Entry, model: Path, config: LeaderboardConfig) -> Successes:
    """Doing nothing, which is the same whatever the model; resumable."""
    folder = config.out / "trials" / f"noop_{entry.task}"
    return _planners(entry, model, config, folder, "noop", ())["noop"]


def _planners(
    entry: Entry,
    model: Path,
    config: LeaderboardConfig,
    folder: Path,
    planner: str,
    baselines: tuple[str, ...],
) -> dict[str, Successes]:
    wanted = TrialsConfig(
        task=entry.scene,
        model=str(model),
        planner=planner,
        baselines=baselines,
        trials=config.trials,
        seed=config.seed,
        workers=config.workers,
        device=config.device,
        out=folder,
    )
    return {name: _counted(own) for name, own in run_trials(wanted)["planners"].items()}


def _counted(summary: Mapping[str, Any]) -> Successes:
    return Successes.of(summary["successes"], summary["trials"])
