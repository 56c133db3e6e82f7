"""A dream that somebody plays with: who drives, where time is, which futures there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wm_planner.errors import UserError
from wm_planner.play.branches import Branch, Branches, Moment
from wm_planner.play.dream import Dream
from wm_planner.play.drivers import DRIVERS, HANDS, PLANNER, DreamPlanner
from wm_planner.play.keys import Hands, Intent
from wm_planner.play.starts import Start

_RECENT = 50  # steps that the rate is a mean of
_LARGEST_SEED = 2**31 - 1


class View(NamedTuple):
    """Everything there is to see."""

    now: Moment
    branch: Branch
    step: int
    beside: tuple[Branch, Moment] | None  # another future, at the same step if it goes so far
    branches: tuple[Branch, ...]
    driver: str
    running: bool  # time goes on although nobody acts
    start: str  # where the dream began
    frames_per_s: float  # that could be shown; NaN before the first
    steps: int  # taken in all


class Game:
    """Not for several threads: one calls everything."""

    def __init__(self, dream: Dream, seed: int, planner: Callable[[], DreamPlanner]) -> None:
        """Begin with the scene of `seed`, where `dream` is; `planner` builds one when it is asked
        for first."""
        self.dream, self._make_planner = dream, planner
        self._planner: DreamPlanner | None = None
        self._spent: deque[float] = deque(maxlen=_RECENT)
        self._hands = Hands()
        self.driver, self.running = HANDS, False
        self.steps = 0
        self._seed, self._started = seed, Start({}, None, "")
        self._begin(f"scene {seed}", with_truth=True)

    def tick(self, intent: Intent) -> bool:
        """One control step, if somebody acts or time runs on; whether anything changed.

        Raises:
            UserError: there is no room for another step.
        """
        if intent.reset or intent.next:
            if intent.next:
                self.restart(self._seed + 1)
            else:
                self.again()
            return True
        acts = any(intent.move) or intent.toggle or intent.prior or self.driver != HANDS
        if not (acts or self.running):
            return False
        started = time.perf_counter()
        try:
            self.branches.check_room()
            left = self.branches.current
            self.branches.act(self._action(intent))
        except BaseException:
            self.driver, self.running = HANDS, False
            raise
        if self.branches.current is not left:
            self.beside = left.name
        self.steps += 1
        self._spent.append(time.perf_counter() - started)
        return True

    def wait(self) -> None:
        """One control step of doing nothing."""
        running, self.running = self.running, True
        try:
            self.tick(Intent())
        finally:
            self.running = running

    def drive(self, driver: str) -> None:
        """Let somebody else act from now on, in every step."""
        if driver not in DRIVERS:
            raise UserError(f"driver is {driver!r}, expected one of {', '.join(DRIVERS)}")
        if driver == PLANNER and self._planner is None:
            self._planner = self._make_planner()
        self.driver = driver

    def restart(self, seed: int) -> None:
        """Begin with a simulated scene, and forget all futures."""
        if not 0 <= seed <= _LARGEST_SEED:
            raise UserError(f"scene is {seed}, expected 0 to {_LARGEST_SEED}")
        self.dream.reset(seed)
        self._seed, self._started = seed, Start({}, None, "")
        self._begin(f"scene {seed}", with_truth=True)

    def start(self, start: Start) -> None:
        """Begin with frames, and forget all futures; nobody knows the truth of them."""
        try:
            self.dream.start(start.frames, start.proprio)
        except BaseException:
            self.branches.recall()
            raise
        self._started = start
        self._begin(start.name, with_truth=False)

    def again(self) -> None:
        """Begin where it last began."""
        if self._started.frames:
            self.start(self._started)
        else:
            self.restart(self._seed)

    def go(self, step: int) -> None:
        """Look at another moment; whoever acts there begins another future."""
        self.branches.go(step)
        self._look()

    def choose(self, name: str) -> None:
        """Look at another future; the one before is shown beside it."""
        before = self.branches.current.name
        self.branches.choose(name)
        if name != before:
            self.beside = before
        self._look()

    def compare(self, name: str) -> None:
        """Show another future beside the one looked at; an empty name: none."""
        self.beside = self.branches.branch(name).name if name else ""

    def rename(self, name: str, new: str) -> None:
        """Call a future something else."""
        before = {branch.name for branch in self.branches.all}
        self.branches.rename(name, new)
        if self.beside == name:
            (self.beside,) = {b.name for b in self.branches.all} - before or {name}

    def view(self) -> View:
        """What is to be seen now."""
        current, beside = self.branches.current, None
        if self.beside and self.beside != current.name:
            other = self.branches.branch(self.beside)
            beside = other, other.at(self.branches.step)
        return View(
            self.branches.now,
            current,
            self.branches.step,
            beside,
            self.branches.all,
            self.driver,
            self.running,
            self.name,
            1 / float(np.mean(self._spent)) if self._spent else float("nan"),
            self.steps,
        )

    def _begin(self, name: str, with_truth: bool) -> None:
        self.branches, self.beside, self.name = Branches(self.dream, with_truth), "", name
        self.driver = HANDS
        self._look()

    def _look(self) -> None:
        """Hands and planner go on from the moment looked at."""
        self._hands = Hands()
        self._hands.follow(self.branches.now.action)
        if self._planner is not None:
            self._planner.forget()
        self.driver, self.running = HANDS, False

    def _action(self, intent: Intent) -> np.ndarray:
        if self.driver == HANDS and not intent.prior:
            return self._hands.action(intent)
        self.branches.wake()
        if self.driver == PLANNER and not intent.prior:
            assert self._planner is not None
            return self._hands.follow(self._planner.action(self.dream))
        return self._hands.follow(self.dream.prior_action())
