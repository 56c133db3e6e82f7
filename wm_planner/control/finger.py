"""The one number that stands for how far a gripper is open."""

from __future__ import annotations

from typing import NamedTuple

VACUUM = "vacuum"
UNITS = ("m", "rad", VACUUM)
"""Of the number: of a joint that slides, one that turns, or the share of a suction cup's vacuum."""


class Finger(NamedTuple):
    """A finger's joint, which may open upwards or downwards, or a suction cup's vacuum."""

    closed: float
    opened: float
    given_opening: float = 0.0  # m, see `opening`

    @property
    def lower(self) -> float:
        """The lower of both ends."""
        return min(self.closed, self.opened)

    @property
    def upper(self) -> float:
        """The higher of both ends."""
        return max(self.closed, self.opened)

    @property
    def stroke(self) -> float:
        """From one end to the other."""
        return self.upper - self.lower

    @property
    def opening(self) -> float:
        """Between the fingertips of the open gripper, m; if not given, of two that slide."""
        return self.given_opening or 2 * self.stroke

    def is_open(self, position: float) -> bool:
        """Nearer to open than to closed."""
        middle = (self.closed + self.opened) / 2
        return bool((position - middle) * (self.opened - self.closed) > 0)

    def width(self, position: float) -> float:
        """Between the fingertips, m: in proportion to the finger's way."""
        return float(self.opening * (position - self.closed) / (self.opened - self.closed))
