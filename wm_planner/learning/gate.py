"""Whether a model may take the place of another: no worse on the same held-out trials.

No worse means both: of the trials that only one of the two solved, not significantly more are the
old one's (McNemar's exact test, p < 0.1); and the new one solved at most `margin` of the trials
fewer. It must hold beside every model that had the place before, so that many small steps down are
no way around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wm_planner.errors import UserError
from wm_planner.evaluation.paired import Pairs, mcnemar
from wm_planner.statistics import wilson

SIGNIFICANT = 0.1  # p-value from which on a difference counts as chance
FEWEST = 10  # trials that say anything


class Verdict(NamedTuple):
    """Of the new model (b) beside an old one (a), on the same seeds."""

    task: str
    old: str  # name
    pairs: Pairs
    p: float  # McNemar's
    allowed: int  # so many successes fewer
    passed: bool

    @property
    def successes(self) -> tuple[int, int]:
        """Of the old and of the new model."""
        return self.pairs.both + self.pairs.only_a, self.pairs.both + self.pairs.only_b

    def told(self) -> str:
        """In words."""
        old, new = (_rate(k, self.pairs.n) for k in self.successes)
        return (
            f"{self.task}: {new}, {self.old} {old}; McNemar's p {self.p:.2g}, up to "
            f"{self.allowed} fewer allowed: {'no worse' if self.passed else 'worse'}"
        )

    def plain(self) -> dict[str, Any]:
        """For files."""
        old, new = self.successes
        n = self.pairs.n
        return {
            "task": self.task,
            "beside": self.old,
            "trials": n,
            "successes": {"old": old, "new": new},
            "wilson95": {"old": [*_rounded(old, n)], "new": [*_rounded(new, n)]},
            "only_old": self.pairs.only_a,
            "only_new": self.pairs.only_b,
            "p": round(self.p, 5),
            "allowed_fewer": self.allowed,
            "no_worse": self.passed,
        }


def judge(
    task: str, name: str, old: Mapping[int, bool], new: Mapping[int, bool], margin: float
) -> Verdict:
    """Compare outcomes by seed; `margin` is a share of the trials.

    Raises:
        UserError: other seeds, or too few.
    """
    if old.keys() != new.keys():
        raise UserError(
            f"{task}: held-out trials of {len(old)} and {len(new)} seeds, "
            f"{len(old.keys() & new.keys())} of them the same; expected the same seeds for both "
            "models: remove the folder held_out of the one that differs, and run again"
        )
    if len(old) < FEWEST:
        raise UserError(
            f"{task}: {len(old)} held-out trials, expected at least {FEWEST}: fewer say nothing"
        )
    outcomes = [(old[seed], new[seed]) for seed in old]
    counts = [
        outcomes.count(kind)
        for kind in ((True, True), (True, False), (False, True), (False, False))
    ]
    pairs = Pairs(*counts)
    p, allowed = mcnemar(pairs), int(margin * pairs.n + 1e-9)
    fewer = pairs.only_a - pairs.only_b
    passed = fewer <= allowed and not (fewer > 0 and p < SIGNIFICANT)
    return Verdict(task, name, pairs, p, allowed, passed)


def _rate(successes: int, trials: int) -> str:
    low, high = wilson(successes, trials)
    return f"{successes}/{trials} ({low:.0%} to {high:.0%})"


def _rounded(successes: int, trials: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(successes, trials)]
