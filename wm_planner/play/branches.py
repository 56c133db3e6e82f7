"""Futures from one beginning: rewind, take another action, and both are kept side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from wm_planner.envs.snapshot import Snapshot, restore, take
from wm_planner.errors import UserError
from wm_planner.play.dream import Belief, Dream, DreamState

_MOST_STEPS, _MOST_BRANCHES = 2000, 26  # all moments are kept in memory
_LONGEST_NAME = 24  # characters
FIRST = "a"


class Truth(NamedTuple):
    """The simulation that carried the same actions out."""

    snapshot: Snapshot
    frames: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB


class Moment(NamedTuple):
    """One step of a future."""

    state: DreamState
    belief: Belief
    action: np.ndarray  # (A,) that led here
    truth: Truth | None  # None: nobody knows what would have happened


class Branch(NamedTuple):
    """One future, from the beginning on."""

    name: str
    parent: str | None
    left: int  # step at which it left its parent
    moments: list[Moment]

    @property
    def steps(self) -> int:
        """Actions taken in it."""
        return len(self.moments) - 1

    def at(self, step: int) -> Moment:
        """The moment after so many steps, or its last one."""
        return self.moments[min(step, self.steps)]


class Branches:
    """All futures of one dream, one of which is looked at.

    Whoever acts at the end of a branch makes it longer. Whoever acts earlier leaves it: a new
    branch begins there, named by the next letter, and the old one stays as it is.
    """

    def __init__(self, dream: Dream, with_truth: bool = True) -> None:
        """Begin where the dream is now.

        With truth, the dream's simulation is in the same state, and does the same from now on.
        """
        self._dream, self._with_truth = dream, with_truth
        still = np.zeros(dream.arm.action_size)
        still[list(dream.arm.action_space.switches)] = 1.0
        first = Branch(FIRST, None, 0, [self._moment(still)])
        self._branches = {FIRST: first}
        self._current, self._step = first, 0
        self._dreamt = first.moments[0]  # where the dream and its simulation are

    @property
    def all(self) -> tuple[Branch, ...]:
        """In the order they began."""
        return tuple(self._branches.values())

    @property
    def current(self) -> Branch:
        """The one looked at."""
        return self._current

    @property
    def step(self) -> int:
        """Of it."""
        return self._step

    @property
    def now(self) -> Moment:
        """The moment looked at."""
        return self._current.moments[self._step]

    def branch(self, name: str) -> Branch:
        """The branch of that name."""
        if name not in self._branches:
            raise UserError(f"no branch {name!r}; there is {', '.join(self._branches)}")
        return self._branches[name]

    def act(self, action: np.ndarray) -> Moment:
        """Imagine `action` (A,), in [-1, 1], from the moment looked at.

        Raises:
            UserError: there is no room for more.
            InvalidInput: an action of the wrong size, or not finite; nothing has changed then.
        """
        self.check_room()
        self.wake()
        try:
            self._dream.advance(action)
            if self._with_truth:
                self._dream.env.step(action)
            moment = self._moment(np.array(action, np.float64))
        except BaseException:
            self.recall()
            raise
        if self._step < self._current.steps:
            self._leave()
        self._current.moments.append(moment)
        self._step, self._dreamt = self._step + 1, moment
        return moment

    def wake(self) -> None:
        """Put the dream and its simulation where the moment looked at is."""
        if self._dreamt is not self.now:
            self.recall()

    def recall(self) -> None:
        """The same, whatever was done to them meanwhile."""
        moment = self.now
        self._dream.restore(moment.state)
        if moment.truth is not None:
            restore(self._dream.env, moment.truth.snapshot)
        self._dreamt = moment

    def check_room(self) -> None:
        """Raise UserError where no step can be added."""
        if self._step >= _MOST_STEPS:
            raise UserError(f"{_MOST_STEPS} steps are kept at most; rewind, or start again")
        if self._step < self._current.steps and len(self._branches) >= _MOST_BRANCHES:
            raise UserError(f"{_MOST_BRANCHES} branches are kept at most; start again")

    def go(self, step: int) -> None:
        """Look at another moment of this branch."""
        if not 0 <= step <= self._current.steps:
            raise UserError(f"step is {step}, expected 0 to {self._current.steps}")
        self._step = step

    def choose(self, name: str) -> None:
        """Look at another branch, at the same step if it goes so far."""
        self._current = self.branch(name)
        self._step = min(self._step, self._current.steps)

    def rename(self, name: str, new: str) -> None:
        """Call a branch something else."""
        old, new = self.branch(name), " ".join(new.split())
        if not new or len(new) > _LONGEST_NAME or not new.isprintable():
            raise UserError(f"name is {new!r}, expected 1 to {_LONGEST_NAME} characters")
        if new != name and new in self._branches:
            raise UserError(f"there is a branch {new!r} already")
        renamed = [
            branch._replace(
                name=new if branch is old else branch.name,
                parent=new if branch.parent == name else branch.parent,
            )
            for branch in self.all
        ]
        current = new if self._current is old else self._current.name
        self._branches = {branch.name: branch for branch in renamed}
        self._current = self._branches[current]

    def _leave(self) -> None:
        """Begin a branch at the moment looked at."""
        name = next(letter for letter in map(chr, range(98, 1000)) if letter not in self._branches)
        moments = self._current.moments[: self._step + 1]
        self._current = Branch(name, self._current.name, self._step, moments)
        self._branches[name] = self._current

    def _moment(self, action: np.ndarray) -> Moment:
        env = self._dream.env
        truth = Truth(take(env), env.simulation.frames()) if self._with_truth else None
        return Moment(self._dream.capture(), self._dream.believe(), action, truth)
