"""The compare command: two runs of trials, paired by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.evaluation.paired import Pairs, difference, mcnemar
from wm_planner.evaluation.records import Trial, read_run, write_json
from wm_planner.evaluation.statistics import percentile, wilson


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
    result = {
        "task": task_a,
        "a": {"run": config.a, "planner": name_a, **_side([a[seed] for seed in shared])},
        "b": {"run": config.b, "planner": name_b, **_side([b[seed] for seed in shared])},
        "seeds": len(shared),
        "unpaired": {"a": len(a) - len(shared), "b": len(b) - len(shared)},
        "pairs": pairs._asdict(),
        "difference": (pairs.only_b - pairs.only_a) / pairs.n,
        "interval95": list(difference(pairs)),
        "mcnemar_p": mcnemar(pairs),
        "seconds_b_minus_a": percentile(
            [b[s].seconds - a[s].seconds for s in shared if a[s].success and b[s].success], 50
        ),
    }
    print(_describe(result))
    if config.json is not None:
        write_json(config.json, result)
    return result


def _read(folder: Path, planner: str) -> tuple[str, str, dict[int, Trial]]:
    """Task, planner and its trials by seed."""
    settings, trials = read_run(folder)
    planner = planner or settings["planner"]
    known = list(dict.fromkeys(trial.planner for trial in trials))
    if planner not in known:
        raise UserError(f"{folder}: no trial of planner '{planner}'; there is {', '.join(known)}")
    return settings["task"], planner, {t.seed: t for t in trials if t.planner == planner}


def _pairs(outcomes: Sequence[tuple[bool, bool]]) -> Pairs:
    return Pairs(*(outcomes.count(kind) for kind in _KINDS))


_KINDS = ((True, True), (True, False), (False, True), (False, False))


def _side(trials: Sequence[Trial]) -> dict[str, Any]:
    successes = [trial for trial in trials if trial.success]
    plan_ms = [ms for trial in trials for ms in trial.plan_ms]
    return {
        "successes": len(successes),
        "wilson95": list(wilson(len(successes), len(trials))),
        "seconds_to_success": percentile([trial.seconds for trial in successes], 50),
        "plan_ms": {f"p{q}": percentile(plan_ms, q) for q in (50, 95)},
    }


def _describe(result: dict[str, Any]) -> str:
    lines = [f"{result['task']}, {result['seeds']} seeds in both runs"]
    lines[0] += "".join(
        f", {count} only in {side.upper()}" for side, count in result["unpaired"].items() if count
    )
    for side in ("a", "b"):
        own = result[side]
        low, high = own["wilson95"]
        lines.append(
            f"  {side.upper()}  {own['planner']:20s} {own['successes']}/{result['seeds']} "
            f"({low:.1%} to {high:.1%}), {own['seconds_to_success']:.1f} s to success, "
            f"plan p50 {own['plan_ms']['p50']:.1f} p95 {own['plan_ms']['p95']:.1f} ms"
            f"   {own['run']}"
        )
    pairs = Pairs(**result["pairs"])
    low, high = result["interval95"]
    lines += [
        f"  both {pairs.both}, only A {pairs.only_a}, only B {pairs.only_b}, "
        f"neither {pairs.neither}",
        f"  B - A  {result['difference']:+.1%}  (95 % interval {low:+.1%} to {high:+.1%}), "
        f"McNemar p = {result['mcnemar_p']:.3g}",
        f"  where both succeeded, B took {result['seconds_b_minus_a']:+.1f} s (median)",
        _verdict(low, high),
    ]
    return "\n".join(lines)


def _verdict(low: float, high: float) -> str:
    if low > 0:
        return "B is better: the interval of the difference lies above zero."
    if high < 0:
        return "A is better: the interval of the difference lies below zero."
    return "No difference was shown: its interval includes zero. More seeds would narrow it."
