"""What the page says: which keys are held, and what is to be done."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wm_planner.errors import UserError
from wm_planner.play.game import Game
from wm_planner.play.keys import Intent, intent_of

_MOST_KEYS = 16


class Held:
    """Keys and sticks as they are now, and what was pressed since the last step."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        """Let go of all: nobody looks any more."""
        self._keys: frozenset[str] = frozenset()
        self._pressed: set[str] = set()
        self._stick = (0.0, 0.0, 0.0)

    def hear(self, keys: list[Any], pressed: list[Any], stick: list[Any]) -> None:
        """Names of keys that are held, of those pressed since it was last said, and a stick's
        three numbers in [-1, 1].

        Raises:
            UserError: an unknown key, or no such numbers.
        """
        names = {name for name in (*keys, *pressed) if isinstance(name, str)}
        if len(names) > _MOST_KEYS:
            raise UserError(f"{len(names)} keys at once, expected {_MOST_KEYS} at most")
        intent_of(names)
        numbers = [n for n in stick if isinstance(n, int | float) and math.isfinite(n)]
        if len(numbers) != 3:
            raise UserError(f"stick is {stick}, expected three numbers in [-1, 1]")
        x, y, z = np.clip(np.array(numbers, float), -1, 1).tolist()
        self._keys = frozenset(map(str, keys))
        self._pressed |= set(map(str, pressed))
        self._stick = (x, y, z)

    def intent(self) -> Intent:
        """For one control step; what was pressed is forgotten."""
        intent = intent_of({*self._keys, *self._pressed} - {"esc"})
        once = intent_of(self._pressed - {"esc"})
        self._pressed = set()
        move = np.clip(np.add(intent.move, self._stick), -1, 1)
        return intent._replace(
            move=tuple(move.tolist()), toggle=once.toggle, reset=once.reset, next=once.next
        )


def obey(game: Game, message: object) -> None:
    """Do what a message of the page asks for.

    Raises:
        UserError: it asks for nothing known, or it cannot be done.
    """
    match message:
        case {"do": "drive", "driver": str(driver)}:
            game.drive(driver)
        case {"do": "run", "running": bool(running)}:
            game.running = running
        case {"do": "wait"}:
            game.wait()
        case {"do": "go", "step": int(step)}:
            game.go(step)
        case {"do": "choose", "branch": str(name)}:
            game.choose(name)
        case {"do": "compare", "branch": str(name)}:
            game.compare(name)
        case {"do": "rename", "branch": str(name), "new": str(new)}:
            game.rename(name, new)
        case {"do": "restart", "seed": int(seed)}:
            game.restart(seed)
        case {"do": "again"}:
            game.again()
        case _:
            raise UserError(f"message {str(message)[:80]!r} asks for nothing known")
