"""How much to imagine: the largest budget that leaves a machine time for everything else."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from wm_planner.planning.registry import PlannerConfig
from wm_planner.planning.search_config import SearchConfig


class Budget(NamedTuple):
    """What a plan costs: samples x iterations x horizon imagined steps."""

    samples: int
    iterations: int
    horizon: int

    def __str__(self) -> str:
        return f"{self.samples} samples x {self.iterations} iterations x horizon {self.horizon}"

    @property
    def steps(self) -> int:
        """Imagined, of all samples together."""
        return self.samples * self.iterations * self.horizon

    def of(self, config: PlannerConfig) -> PlannerConfig:
        """`config` with this budget; no more samples from the prior, and elites, than fit it."""
        return replace(
            config,
            budget="fixed",
            samples=self.samples,
            iterations=self.iterations,
            horizon=self.horizon,
            prior_samples=min(config.prior_samples, self.samples // 4),
            elites=min(config.elites, self.samples // 4),
        )


BUDGETS = (
    Budget(512, 6, 5),
    Budget(384, 6, 5),
    Budget(256, 6, 5),
    Budget(256, 4, 5),
    Budget(192, 4, 5),
    Budget(SearchConfig.samples, SearchConfig.iterations, SearchConfig.horizon),
    Budget(96, 4, 5),
    Budget(64, 4, 5),
    Budget(64, 3, 5),
    Budget(32, 3, 5),
    Budget(32, 2, 3),
    Budget(16, 2, 3),
    Budget(16, 1, 3),
    Budget(8, 1, 3),
    Budget(8, 1, 2),
    Budget(8, 1, 1),
)
"""Largest first; what each of them succeeds at is in docs/machines.md. The smallest are for models
that generate video, of which a step takes milliseconds."""

_USUAL = len(BUDGETS) // 2

LARGEST_SHARE = 0.6  # of a period, for frame to command, 95 of 100 times
_BESIDES = 1.5  # frame to command in the node over a plan alone, 95 of 100 times each
_TRIED, _GLANCE, _SURE = 5, 2, 20  # plans timed to foresee, not to waste time, and to be sure


class Fitted(NamedTuple):
    """The budget that was taken."""

    budget: Budget
    plan_ms: float  # 95 of 100 plans take less
    allowed_ms: float
    next_ms: float | None  # foreseen for the next larger budget; None where this is the largest

    @property
    def fits(self) -> bool:
        return self.plan_ms <= self.allowed_ms

    def __str__(self) -> str:
        """What was taken and why."""
        verdict = "of" if self.fits else "more than the"
        told = f"{self.budget}: plans take {self.plan_ms:.1f} ms, {verdict} {self.allowed_ms:.0f}"
        told += " allowed"
        if self.next_ms is not None:
            told += f"; the next larger budget would take about {self.next_ms:.0f}"
        return told


def fit_budget(times_ms: Callable[[Budget, int], list[float]], period: float) -> Fitted:
    """The largest of BUDGETS whose plans leave time in a period; the smallest if none does.

    The smallest is timed and another one, a small one again if the first takes long; the others are
    foreseen from them, as time grows evenly with the imagined steps. The one to be taken is then
    timed in earnest.

    Args:
        times_ms: times so many plans with a budget.
        period: of control, seconds.
    """
    allowed = LARGEST_SHARE * period * 1e3 / _BESIDES
    least = BUDGETS[-1]
    a = statistics.median(times_ms(least, _TRIED))
    other = BUDGETS[-2 if a > allowed / 4 else _USUAL]
    b = statistics.median(times_ms(other, _TRIED))
    slope = max(b - a, 0.0) / (other.steps - least.steps)  # ms an imagined step
    larger: float | None = None
    for budget in BUDGETS[:-1]:
        takes = a + slope * (budget.steps - least.steps)
        if takes <= allowed:  # on a busy machine the foresight may be far off
            takes = min(times_ms(budget, _GLANCE))  # the first one may be slow
        if takes <= allowed:
            takes = _percentile_95(times_ms(budget, _SURE))
        if takes <= allowed:
            return Fitted(budget, takes, allowed, larger)
        larger = takes
    return Fitted(least, _percentile_95(times_ms(least, _SURE)), allowed, larger)


def _percentile_95(samples: list[float]) -> float:
    return statistics.quantiles(samples, n=20, method="inclusive")[-1]
