"""What a set of trials comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from wm_planner.evaluation.records import Trial
from wm_planner.statistics import percentile, wilson


def summarise(trials: Sequence[Trial], stages: Sequence[str]) -> dict[str, Any]:
    """The figures of one planner's trials; `stages` are the task's."""
    successes = [trial for trial in trials if trial.success]
    failures = Counter(trial.failure(stages) for trial in trials if not trial.success)
    return {
        "trials": len(trials),
        "successes": len(successes),
        "success_rate": len(successes) / len(trials),
        "wilson95": list(wilson(len(successes), len(trials))),
        "seconds_to_success": percentile([trial.seconds for trial in successes], 50),
        "ended": dict(Counter(trial.ended for trial in trials).most_common()),
        "failures": dict(failures.most_common()),
        "plan_ms": _quantiles([ms for trial in trials for ms in trial.plan_ms]),
        "frame_to_command_ms": _quantiles(
            [ms for trial in trials for ms in trial.frame_to_command_ms]
        ),
        "mean_steps": sum(trial.steps for trial in trials) / len(trials),
        "mean_reward": sum(sum(trial.rewards) for trial in trials) / len(trials),
        "seeds": [trial.seed for trial in trials],
        "failed_seeds": [trial.seed for trial in trials if not trial.success],
    }


def describe(task: str, planner: str, summary: dict[str, Any]) -> str:
    """One line for people."""
    low, high = summary["wilson95"]
    return (
        f"{task}, {planner}: {summary['successes']}/{summary['trials']} "
        f"({summary['success_rate']:.0%}, 95 % interval {low:.1%} to {high:.1%}), "
        f"plan p50 {summary['plan_ms']['p50']:.1f} ms, p95 {summary['plan_ms']['p95']:.1f} ms"
    )


def _quantiles(values: list[float]) -> dict[str, float]:
    return {f"p{q}": percentile(values, q) for q in (50, 95, 99)}
