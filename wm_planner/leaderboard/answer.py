"""The question in numbers: which kind of world model plans best, at what cost."""

from __future__ import annotations

from collections.abc import Sequence

from wm_planner.leaderboard.row import Row, Successes


def answer(rows: Sequence[Row]) -> list[str]:
    """A paragraph for each task; what the intervals do not tell apart is not said to differ."""
    found = []
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task and row.planner is not None]
        if own:
            own.sort(key=lambda row: -_planner(row).rate)
            found.append(" ".join([_best(task, own), *_cost(own), *map(_planning, own)]))
    return found


def _best(task: str, ranked: Sequence[Row]) -> str:
    """Who plans best, and who cannot be told from it."""
    first, others = ranked[0], ranked[1:]
    name = f"{first.family}, {_told(_planner(first))}"
    if not others:
        return f"On {task} only one was measured: {name}."
    alike = [row for row in others if _planner(row).overlaps(_planner(first))]
    below = [row for row in others if row not in alike]
    worse = f" Below it, with an interval apart: {_listed(below)}." if below else ""
    if not alike:
        return f"On {task} {name} plans best.{worse}"
    if all(_planner(row).rate == _planner(first).rate for row in alike):
        return (
            f"On {task} the same share succeeded with {name}, and {_listed(alike)}: no difference "
            f"was shown.{worse}"
        )
    return (
        f"On {task} most trials succeeded with {name}; the interval overlaps that of "
        f"{_listed(alike)}, so no difference was shown between them.{worse}"
    )


def _cost(ranked: Sequence[Row]) -> list[str]:
    """What the best takes, and each of the others beside it."""
    told = []
    for row in ranked:
        if row.plan_ms is None or row.updates_per_s is None:
            continue
        text = (
            f"{row.family} takes {row.plan_ms.p50:.0f} ms a plan (95 of 100 below "
            f"{row.plan_ms.p95:.0f}), has {row.parameters / 1e6:.2f} million parameters besides "
            f"the decoder and learns at {row.updates_per_s:.2g} updates/s"
        )
        first = ranked[0]
        if row is not first and first.plan_ms is not None:
            text += f": {row.plan_ms.p50 / first.plan_ms.p50:.2f} times the plan of {first.family}"
        told.append(f"{text}.")
    return told


def _planning(row: Row) -> str:
    """What planning adds to the prior alone."""
    if row.prior is None:
        return f"{row.family} has no prior to compare planning with."
    planner = _planner(row)
    text = f"The prior of {row.family} alone: {_told(row.prior)};"
    if planner.overlaps(row.prior):
        return f"{text} that planning changes this was not shown."
    better = "more" if planner.rate > row.prior.rate else "less"
    return f"{text} planning succeeds {better} often."


def _planner(row: Row) -> Successes:
    assert row.planner is not None
    return row.planner


def _listed(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.family}, {_told(_planner(row))}" for row in rows)


def _told(s: Successes) -> str:
    return f"{s.successes}/{s.n} ({100 * s.low:.1f} to {100 * s.high:.1f} %)"
