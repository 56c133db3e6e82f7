"""What the trials of goals come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from wm_planner.evaluation.goals.trial import GoalTrial
from wm_planner.statistics import percentile, wilson


def summarise(trials: Sequence[GoalTrial], distance: float) -> dict[str, Any]:
    """The figures of one planner; `moved` are goals for which a cube must go farther than that."""
    moved = [trial for trial in trials if max(trial.to_go[1:]) > distance]
    return {
        **_share(trials),
        "moved": _share(moved),
        "ended": dict(Counter(trial.ended for trial in trials).most_common()),
        "hand_at_end_m": _quantiles([trial.at_end[0] for trial in trials]),
        "cube_at_end_m": _quantiles([max(trial.at_end[1:]) for trial in trials]),
        "hand_least_m": _quantiles([trial.least[0] for trial in trials]),
        "cube_least_m": _quantiles([max(trial.least[1:]) for trial in trials]),
        "nearest_m": _quantiles([trial.nearest for trial in trials]),
        "seconds_to_success": percentile([t.seconds for t in trials if t.success], 50),
        "plan_ms": percentile([t.plan_ms for t in trials if t.plan_ms == t.plan_ms], 50),
        "failed_seeds": [trial.seed for trial in trials if not trial.success],
    }


def describe(task: str, planner: str, summary: dict[str, Any]) -> str:
    """One line for people."""
    moved = summary["moved"]
    return (
        f"{task}, {planner}: {_words(summary)}; cube to be moved: {_words(moved)}; "
        f"median left: hand {100 * summary['hand_at_end_m']['p50']:.1f} cm, "
        f"cube {100 * summary['cube_at_end_m']['p50']:.1f} cm; plan {summary['plan_ms']:.1f} ms"
    )


def _share(trials: Sequence[GoalTrial]) -> dict[str, Any]:
    """Successes with their Wilson interval; an interval of nothing is all there can be."""
    won = sum(trial.success for trial in trials)
    return {
        "trials": len(trials),
        "successes": won,
        "success_rate": won / len(trials) if trials else 0.0,
        "wilson95": list(wilson(won, len(trials))) if trials else [0.0, 1.0],
    }


def _words(share: dict[str, Any]) -> str:
    low, high = share["wilson95"]
    return f"{share['successes']}/{share['trials']} ({low:.0%} to {high:.0%})"


def _quantiles(values: list[float]) -> dict[str, float]:
    return {f"p{q}": percentile(values, q) for q in (50, 90)}
