"""The compare command: two runs of trials, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.evaluation.paired import Pairs, difference, mcnemar
from wm_planner.evaluation.records import Trial, read_run, write_json
from wm_planner.statistics import percentile, wilson


@dataclass(frozen=True)
class CompareConfig:
    """Compare two runs of trials on the seeds they share.

    Attributes:
        a: folder of a run, written by `wm_planner trials --out`.
        b: folder of the other run; the same one to compare two planners of a run.
        planner_a: which planner of run A, by its name in the report; default the main one.
        planner_b: which planner of run B.
        json: write the result to this file as well.
    """

    a: Path
    b: Path
    planner_a: str = ""
    planner_b: str = ""
    json: Path | None = None


def compare(config: CompareConfig) -> dict[str, Any]:
    """Print the comparison and return what --json writes."""
    task_a, name_a, a = _read(config.a, config.planner_a)
    task_b, name_b, b = _read(config.b, config.planner_b)
    if task_a != task_b:
        raise UserError(f"A is of task '{task_a}' and B of '{task_b}'; compare runs of one task")
    shared = sorted(a.keys() & b.keys())
    if not shared:
        raise UserError(
            f"no seed in common: A has {min(a)} to {max(a)}, B has {min(b)} to {max(b)}; run both "
            "on the same --seed"
        )
    pairs = _pairs([(a[seed].success, b[seed].success) for seed in shared])
    both = [seed for seed in shared if a[seed].success and b[seed].success]
    result = {
        "task": task_a,
        "a": {"run": config.a, "planner": name_a, **_side(a, shared, both)},
        "b": {"run": config.b, "planner": name_b, **_side(b, shared, both)},
        "seeds": len(shared),
        "unpaired": {"a": len(a) - len(shared), "b": len(b) - len(shared)},
        "pairs": pairs._asdict(),
        "difference": (pairs.only_b - pairs.only_a) / pairs.n,
        "interval95": list(difference(pairs)),
        "mcnemar_p": mcnemar(pairs),
        "seconds_b_minus_a": percentile([b[s].seconds - a[s].seconds for s in both], 50),
    }
    print(_describe(result))
    if config.json is not None:
        write_json(config.json, result)
    return result


def _read(folder: Path, planner: str) -> tuple[str, str, dict[int, Trial]]:
    """Task, planner and its trials by seed."""
    settings, trials = read_run(folder)
    for key in ("task", "planner"):
        if key not in settings:
            raise UserError(f"{folder}: its settings.json names no {key}; run those trials again")
    planner = planner or settings["planner"]
    known = list(dict.fromkeys(trial.planner for trial in trials))
    if planner not in known:
        raise UserError(f"{folder}: no trial of planner '{planner}'; there is {', '.join(known)}")
    return settings["task"], planner, {t.seed: t for t in trials if t.planner == planner}


def _pairs(outcomes: Sequence[tuple[bool, bool]]) -> Pairs:
    return Pairs(*(outcomes.count(kind) for kind in _KINDS))


_KINDS = ((True, True), (True, False), (False, True), (False, False))


def _side(trials: dict[int, Trial], shared: Sequence[int], both: Sequence[int]) -> dict[str, Any]:
    """One planner's own figures; its time to success is of the seeds `both` planners solved."""
    successes = sum(trials[seed].success for seed in shared)
    plan_ms = [ms for seed in shared for ms in trials[seed].plan_ms]
    return {
        "successes": successes,
        "wilson95": list(wilson(successes, len(shared))),
        "seconds_to_success": percentile([trials[seed].seconds for seed in both], 50),
        "plan_ms": {f"p{q}": percentile(plan_ms, q) for q in (50, 95)},
    }


def _describe(result: dict[str, Any]) -> str:
    title = f"{result['task']}, {result['seeds']} seeds in both runs"
    for side, count in result["unpaired"].items():
        title += f", {count} only in {side.upper()}" if count else ""
    pairs = Pairs(**result["pairs"])
    low, high = result["interval95"]
    return "\n".join(
        [
            title,
            *(_describe_side(side, result[side], pairs.n) for side in ("a", "b")),
            f"  both {pairs.both}, only A {pairs.only_a}, only B {pairs.only_b}, "
            f"neither {pairs.neither}",
            f"  B - A  {result['difference']:+.1%}  (95 % interval {low:+.1%} to {high:+.1%}), "
            f"McNemar p = {result['mcnemar_p']:.3g}",
            _describe_seconds(result),
            _verdict(low, high, result["mcnemar_p"]),
        ]
    )


def _describe_side(side: str, own: dict[str, Any], n: int) -> str:
    low, high = own["wilson95"]
    rate = f"{own['successes']}/{n} = {own['successes'] / n:.1%} ({low:.1%} to {high:.1%})"
    p50, p95 = own["plan_ms"]["p50"], own["plan_ms"]["p95"]
    plan = "never planned" if math.isnan(p50) else f"plan p50 {p50:.1f} p95 {p95:.1f} ms"
    return f"  {side.upper()}  {own['planner']:20s} {rate}, {plan}   {own['run']}"


def _describe_seconds(result: dict[str, Any]) -> str:
    a, b = (result[side]["seconds_to_success"] for side in ("a", "b"))
    if math.isnan(a):
        return "  no seed on which both succeeded, so no times to compare"
    return (
        f"  where both succeeded, A took {a:.1f} s and B {b:.1f} s, "
        f"B - A {result['seconds_b_minus_a']:+.1f} s (medians)"
    )


def _verdict(low: float, high: float, p: float) -> str:
    """Never more than both the interval and the test show; the two can differ near zero."""
    if low <= 0 <= high:
        return "No difference was shown: its interval includes zero. More seeds would narrow it."
    better, where = ("B", "above") if low > 0 else ("A", "below")
    if p < 0.05:
        return f"{better} is better: the interval of the difference lies {where} zero."
    return (
        f"{better} may be better: the interval of the difference lies {where} zero, but "
        f"McNemar's test does not rule out chance (p = {p:.2g}). More seeds would settle it."
    )
