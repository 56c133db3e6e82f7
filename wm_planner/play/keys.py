"""Keys to actions, and the small language in which keys are scripted.

A script is keys with spaces between them. `w*10` holds w for 10 control steps, `w+e*5` holds two
keys at once, `.` lets go of all for a step. As the front camera sees it:

    w s  or  up down      away from the camera, towards it (-x, +x of the arm's base)
    a d  or  left right   to the left, to the right (-y, +y)
    e q                   up, down (+z, -z)
    j l                   turn the hand to the left, to the right, where the robot's actions can
    space                 open or close the gripper, once
    p                     let the learned action prior act
    r                     start the scene again
    n                     the next scene
    .                     nothing
    esc                   end
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from wm_planner.errors import UserError

MOVES = {
    "w": (-1, 0, 0), "s": (1, 0, 0), "a": (0, -1, 0), "d": (0, 1, 0), "e": (0, 0, 1),
    "q": (0, 0, -1),
}  # fmt: skip
TURNS = {"j": 1, "l": -1}
SYNONYMS = {"up": "w", "down": "s", "left": "a", "right": "d"}
OTHERS = ("space", "p", "r", "n", ".", "esc")
_LONGEST = 10_000  # steps of a script


class Intent(NamedTuple):
    """What somebody wants for one control step."""

    move: tuple[float, float, float] = (0.0, 0.0, 0.0)  # in [-1, 1], base frame
    turn: float = 0.0  # in [-1, 1], about the base's z
    toggle: bool = False  # the gripper
    prior: bool = False  # let the action prior act
    reset: bool = False
    next: bool = False  # scene
    quit: bool = False


def intent_of(keys: set[str]) -> Intent:
    """What `keys`, held together, ask for; unknown ones are a UserError."""
    names = {SYNONYMS.get(key, key) for key in keys}
    if unknown := names - MOVES.keys() - TURNS.keys() - set(OTHERS):
        known = [*MOVES, *TURNS, *SYNONYMS, *OTHERS]
        raise UserError(f"unknown key {sorted(unknown)[0]!r}; there is {' '.join(known)}")
    move = np.sum([MOVES[name] for name in names if name in MOVES] or [(0, 0, 0)], axis=0)
    return Intent(
        tuple(map(float, move)),  # type: ignore[arg-type]
        turn=float(sum(TURNS[name] for name in names if name in TURNS)),
        toggle="space" in names,
        prior="p" in names,
        reset="r" in names,
        next="n" in names,
        quit="esc" in names,
    )


def read_script(script: str) -> Iterator[Intent]:
    """One intent for each control step of a script such as "w*10 space a+e*5".

    Raises:
        UserError: an unknown key, or a count that is no whole number from 1 up.
    """
    intents: list[Intent] = []
    for word in script.split():
        held, star, count = word.partition("*")
        if star and not (count.isdecimal() and int(count) > 0):
            raise UserError(f"{word!r}: count is {count!r}, expected a whole number above 0: w*10")
        intents += [intent_of(set(held.lower().split("+")))] * (int(count) if star else 1)
        if len(intents) > _LONGEST:
            raise UserError(f"the script has more than {_LONGEST} steps; make it shorter")
    if not intents:
        raise UserError('the script is empty; give keys such as --keys "w*10 space a*5"')
    return iter(intents)


class Hands:
    """Turns intents into actions; remembers what the gripper was told."""

    def __init__(self, action_size: int = 4) -> None:
        self._turns = action_size - 4
        self.opened = True

    def action(self, intent: Intent) -> np.ndarray:
        """Action (A,): x, y, z, how the hand turns, and gripper, in [-1, 1]."""
        self.opened ^= intent.toggle
        turn = np.r_[0.0, 0.0, intent.turn][3 - self._turns :]
        moves = np.clip(np.r_[intent.move, turn], -1.0, 1.0)
        return np.r_[moves, 1.0 if self.opened else -1.0]

    def follow(self, action: np.ndarray) -> np.ndarray:
        """An action (A,) of somebody else, whose gripper is where the hands' is from now on."""
        self.opened = bool(action[-1] > 0)
        return action
