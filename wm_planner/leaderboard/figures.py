"""What a model's imagination is worth: horizon, drift, controllability, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.evaluation.world_model.evaluate import EvaluateConfig, evaluate
from wm_planner.leaderboard.config import LeaderboardConfig
from wm_planner.leaderboard.row import Decision
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
    """By `wm_planner evaluate`, whose page is kept; what it has measured is not measured again."""
    family = family_of(model.config.network)
    folder = config.out / "evaluation" / f"{family.name}_{model.sha256[:8]}"
    wanted = EvaluateConfig(
        model=str(model.directory),
        out=folder,
        seed=config.seed,
        planner="mppi" if family.rewards else "prior",
        quick=config.quick,
    )
    found = _read(folder / "evaluation.json", wanted, model) or evaluate(wanted)
    return _figures(found, family.rewards)


def _read(file: Path, wanted: EvaluateConfig, model: LoadedModel) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        found = parse_json(read_text(file, _MAX_BYTES))
    except ValueError as error:
        raise UserError(f"{file}: not an evaluation ({error}); remove it") from error
    same = {"sha256": model.sha256} | {k: getattr(wanted, k) for k in ("seed", "planner", "quick")}
    return found if all(found.get(k) == v for k, v in same.items()) else None


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
