"""The question in numbers: which kind of world model plans best, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wm_planner.commands.leaderboard.row import Row, Successes


@dataclass(frozen=True)
class Answer:
    """Of one task.

    Attributes:
        task: that is planned for.
        verdict: which plans best; what the intervals do not tell apart is not said to differ.
        details: what each family costs, and what planning adds to its prior.
    """

    task: str
    verdict: str
    details: tuple[str, ...]


def answers(rows: Sequence[Row]) -> list[Answer]:
    """For each task of which something is known, in the rows' order."""
    found = []
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task and row.planner is not None]
        own.sort(key=lambda row: -_planner(row).rate)
        if own:
            details = tuple(f"{_cost(row, own[0])} {_planning(row)}" for row in own)
            found.append(Answer(task, _verdict(task, own), details))
    return found


def stands_out(row: Row, rows: Sequence[Row]) -> bool:
    """Whether its interval lies above those of all the others of its task."""
    others = [r for r in rows if r.task == row.task and r is not row and r.planner is not None]
    return row.planner is not None and all(
        other.planner is not None
        and row.planner.rate > other.planner.rate
        and not row.planner.overlaps(other.planner)
        for other in others
    )


def _verdict(task: str, ranked: Sequence[Row]) -> str:
    """Who plans best, and who cannot be told from it."""
    first, others = ranked[0], ranked[1:]
    name = f"{first.family}, {told(_planner(first))}"
    if not _planner(first).successes:
        return f"On {task} no trial succeeded: {_listed(ranked)}."
    if not others:
        return f"On {task} only one family was measured: {name}."
    alike = [row for row in others if _planner(row).overlaps(_planner(first))]
    below = [row for row in others if row not in alike]
    if not alike:
        return f"On {task} {name} plans best; the intervals of {_listed(below)} lie below."
    told_alike = "that of" if len(alike) == 1 else "those of"
    verdict = (
        f"On {task} most trials succeed with {name}. Its interval overlaps {told_alike} "
        f"{_listed(alike)}: no difference was shown."
    )
    if all(_planner(row).rate == _planner(first).rate for row in alike):
        verdict = f"On {task} as many trials succeed with {name} as with {_listed(alike)}."
    return f"{verdict} Below, with intervals apart: {_listed(below)}." if below else verdict


def _cost(row: Row, first: Row) -> str:
    """What a family takes, beside the one that is named first."""
    parts = []
    if row.plan_ms is not None:
        plan = f"{row.plan_ms.p50:.1f} ms a plan (95 of 100 below {row.plan_ms.p95:.1f})"
        if row is not first and first.plan_ms is not None:
            ratio = row.plan_ms.p50 / first.plan_ms.p50
            plan += f", {ratio:.2f} times that of {first.family}"
        parts.append(plan)
    parts.append(f"{row.parameters / 1e6:.2f} million parameters besides the decoder")
    if row.updates_per_s is not None:
        parts.append(f"{row.updates_per_s:.2g} updates/s of its training")
    return f"{row.family}: {'; '.join(parts)}."


def _planning(row: Row) -> str:
    """What planning adds to the prior alone."""
    if row.prior is None:
        return f"Its prior alone was not measured: {row.reasons.get('prior', 'there is none')}."
    planner, text = _planner(row), f"Its prior alone: {told(row.prior)};"
    if row.noop is not None and planner.overlaps(row.noop):
        return f"{text} that its plans do better than doing nothing was not shown."
    if planner.overlaps(row.prior):
        return f"{text} that planning makes a difference was not shown."
    return f"{text} planning succeeds {'more' if planner.rate > row.prior.rate else 'less'} often."


def _planner(row: Row) -> Successes:
    assert row.planner is not None
    return row.planner


def _listed(rows: Sequence[Row]) -> str:
    return " and ".join(f"{row.family}, {told(_planner(row))}" for row in rows)


def told(s: Successes) -> str:
    """Successes, trials and interval in words."""
    return f"{s.successes}/{s.n} ({100 * s.low:.1f} to {100 * s.high:.1f} %)"
