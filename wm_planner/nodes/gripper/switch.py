"""Closed or open: what the hand was told, has heard, and must be told again."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import final

from wm_planner.nodes.gripper.hand import Hand

_PATIENCE = 10.0  # s for an answer; some drivers give it when the hand has arrived
_PAUSE = 1.0  # s before what failed is tried again


@final
class GripperSwitch:
    """Tells a hand of each change, and of a failure to tell; never waits, never lets go by itself.

    Attributes:
        opened: what it is to be; None: it is as it was found.
        problem: why it may not be so, and the way out; empty when it is.
        failures: calls so far that failed or were not answered.
    """

    def __init__(
        self,
        hand: Hand,
        changed: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed` is told of each new problem, and with an empty text of its end."""
        self._hand, self._changed, self._clock = hand, changed, clock
        self.where, self.problem, self.failures = hand.where, "", 0
        self._call = 0  # number of the last one; answers to others are late
        self._waiting = False
        self.forget()

    def forget(self) -> None:
        """Tell nothing until the next `set`, which is told whatever it is."""
        self.opened: bool | None = None
        self._drop_call()

    def set(self, opened: bool) -> None:
        """Tell the hand, if that is new; a call that is under way is overtaken."""
        if opened != self.opened:
            self.opened = opened
            self._drop_call()
            self._tell()

    def watch(self) -> None:
        """Tell it again where that is due; call it often."""
        if self.opened is None or self._clock() < self._due:
            return
        if self._waiting:
            self._drop_call()
            self._fail(f"no answer for {_PATIENCE:g} s: is the hand's driver stuck?")
            return
        self._tell()

    def close(self) -> None:
        self.forget()
        self._hand.close()

    def _tell(self) -> None:
        assert self.opened is not None
        if missing := self._hand.missing():
            self._fail(missing)
            return
        self._call += 1
        self._waiting, self._due = True, self._clock() + _PATIENCE
        self._hand.tell(self.opened, partial(self._answered, self._call))

    def _answered(self, call: int, error: str) -> None:
        if call != self._call or not self._waiting:
            return
        self._waiting = False
        if error:
            self._fail(error)
            return
        self._due = self._clock() + self._hand.repeat
        self._say("")

    def _fail(self, why: str) -> None:
        self.failures += 1
        self._due = self._clock() + _PAUSE
        wanted = "open" if self.opened else "close"
        self._say(f"the hand was not told to {wanted} by {self.where}: {why}; tried each second")

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._changed(problem)

    def _drop_call(self) -> None:
        if self._waiting:
            self._hand.give_up()
        self._waiting, self._due = False, 0.0
