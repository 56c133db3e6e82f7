"""What a model's imagination is worth: horizon, drift, controllability, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wm_planner.commands.leaderboard.config import LeaderboardConfig
from wm_planner.commands.leaderboard.row import Decision
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.evaluation.world_model.effort import QUICK, Effort
from wm_planner.evaluation.world_model.measure import evaluate_model
from wm_planner.evaluation.world_model.summary import flat
from wm_planner.evaluation.world_model.workbench import driven_by_expert, prepare
from wm_planner.planning import PlannerConfig
from wm_planner.safe_yaml import read_text
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel

_MAX_BYTES = 2**22


@dataclass(frozen=True)
class Figures:
    """Of one model; see Row."""

    horizon: int | None
    horizon_limit: int | None
    drift: float | None
    controllability: float | None
    decision: Decision | None


def evaluated(model: LoadedModel, config: LeaderboardConfig) -> Figures:
    """As `wm_planner evaluate` measures, but on the same episodes whatever the model.

    The scripted expert drives where the model's planner would. What is measured is not measured
    again.
    """
    family = family_of(model.config.network)
    file = config.out / "evaluation" / f"{family.name}_{model.sha256[:8]}.json"
    key = {"sha256": model.sha256, "seed": config.seed, "quick": config.quick}
    if _read(file, key) is None:
        write_json(file, {**key, **_measured(model, config)})
    return _figures(_read(file, key) or {}, family.rewards)


def _measured(model: LoadedModel, config: LeaderboardConfig) -> dict[str, float | int]:
    effort = replace(QUICK if config.quick else Effort(), pairs=0, disturbed=0)
    nobody = PlannerConfig(planner="noop")
    bench = driven_by_expert(prepare(model, nobody, config.seed, effort.episodes))
    try:
        return flat(evaluate_model(bench, effort))
    finally:
        for env in bench.envs:
            env.close()


def _read(file: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an earlier run measured; None where it was something else."""
    if not file.is_file():
        return None
    try:
        found = parse_json(read_text(file, _MAX_BYTES))
    except ValueError as error:
        raise UserError(f"{file}: not an evaluation ({error}); remove it") from error
    return found if all(found.get(k) == v for k, v in key.items()) else None


def _figures(found: Mapping[str, Any], rewards: bool) -> Figures:
    horizon, limit = _number(found, "horizon_steps"), _number(found, "horizon_limit")
    parts = [
        _number(found, k) for k in ("plan_regret", "random_plan_regret", "return_rank_correlation")
    ]
    known = [part for part in parts if part is not None]
    return Figures(
        None if horizon is None else int(horizon),
        None if limit is None else int(limit),
        _number(found, "drift_100_over_10"),
        _number(found, "controllability_rank_correlation"),
        Decision(*known) if rewards and len(known) == len(parts) else None,
    )


def _number(found: Mapping[str, Any], key: str) -> float | None:
    """A figure; None where it is missing or not a number."""
    value = found.get(key)
    return value if isinstance(value, int | float) and value == value else None
