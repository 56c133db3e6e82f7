"""Anytime planning: when to stop searching."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch

_FADING = 0.95  # of what was slow, from plan to plan: halved in 14 plans


@final
@dataclass
class Pace:
    """How slow the parts of the last plans were at worst; it fades from plan to plan.

    All deadlines of a planner share it: a machine that was slow a moment ago may be so again.
    """

    clock: Callable[[], float] = time.perf_counter
    """Seconds."""

    round: float = 0.0
    """Seconds of a round: imagining candidates, refitting to the best."""

    choice: float | None = None
    """Seconds of the choice after the rounds, which imagines once more; None: never seen."""

    plans: int = field(default=0, init=False)
    """Plans that were begun."""

    def begin_plan(self) -> None:
        """The first plan is forgotten: it allocates, and compiles, what the others use."""
        if self.plans <= 1:
            self.round, self.choice = 0.0, None
        self.plans += 1
        self.round *= _FADING
        self.choice = None if self.choice is None else self.choice * _FADING

    def saw_round(self, seconds: float) -> None:
        self.round = max(self.round, seconds)

    def saw_choice(self, seconds: float) -> None:
        self.choice = max(self.choice or 0.0, seconds)

    def of_choice(self) -> float:
        """Seconds that a choice may take: as long as a round where none was seen."""
        return self.round if self.choice is None else self.choice


@final
class Deadline:
    """Says what there is time for in a plan, which starts now. 0 ms is no deadline."""

    def __init__(self, milliseconds: float, device: torch.device, pace: Pace) -> None:
        self._seconds, self._device, self._pace = milliseconds / 1e3, device, pace
        self._started = self._last = pace.clock()
        pace.begin_plan()

    def begin_rounds(self) -> None:
        """What comes before the first round is done."""
        self._lap()

    def round_done(self) -> None:
        self._pace.saw_round(self._lap())

    def choice_done(self) -> None:
        self._pace.saw_choice(self._lap())

    def allows_round(self) -> bool:
        """Whether one more round, and the choice after it, would end in time."""
        return self._allows(self._pace.round + self._pace.of_choice())

    def allows_choice(self) -> bool:
        """Whether a choice that imagines would end in time."""
        return self._allows(self._pace.of_choice())

    def _allows(self, seconds: float) -> bool:
        return self._seconds == 0 or self._last - self._started + seconds <= self._seconds

    def _lap(self) -> float:
        """Seconds since the last call; more than the whole deadline count as that much."""
        if self._seconds == 0:
            return 0.0
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # the device may be behind
        before, self._last = self._last, self._pace.clock()
        return min(self._last - before, self._seconds)
