"""What to do, in words: a small grammar.

instruction = "lift" thing | "push" thing "to" thing | "put" move ["and" move]
move        = thing "on" thing
thing       = "the" colour noun
"""

from __future__ import annotations

from wm_planner.envs.colours import COLOURS
from wm_planner.envs.shapes import SEEN_SHAPES, UNSEEN_SHAPES

NOUNS = ("block", "mark", *(shape.name for shape in (*SEEN_SHAPES, *UNSEEN_SHAPES)))
VOCABULARY = tuple(sorted({"lift", "push", "put", "to", "on", "and", "the", *COLOURS, *NOUNS}))
"""All words there are, in the order of the alphabet."""


def thing(colour: str, noun: str) -> str:
    """How a thing is called."""
    return f"the {colour} {noun}"


def lift(what: str) -> str:
    """Lift a `thing`."""
    return f"lift {what}"


def push(what: str, where: str) -> str:
    """Push a `thing` to another."""
    return f"push {what} to {where}"


def put(*moves: tuple[str, str]) -> str:
    """Put each `thing` on another, in this order."""
    return "put " + " and ".join(f"{what} on {where}" for what, where in moves)
