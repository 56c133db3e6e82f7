"""How far what a planner would do agrees with what somebody did in the same steps."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import NamedTuple, final

import numpy as np

from wm_planner.statistics import percentile

_STILL = 0.1  # of the largest action: a motion that is shorter has no direction to speak of


class Agreement(NamedTuple):
    """Of the steps that somebody drove."""

    steps: int
    proposals: int  # of those steps, with one
    rate_hz: float  # of proposals, while somebody drove
    moving: int  # of the proposals, those in which both move
    angle: float  # degrees between the two motions, median; 90 is what chance has
    angle_p90: float
    gripper: float  # share of the proposals with the gripper alike

    def told(self) -> str:
        """In a line."""
        if not self.proposals:
            return f"shadow: no proposal in {self.steps} steps"
        return (
            f"shadow: {self.proposals} of {self.steps} steps planned ({self.rate_hz:.1f} Hz); "
            f"motions {self.angle:.0f} degrees apart in the median, 90 %: {self.angle_p90:.0f} "
            f"({self.moving} steps in which both move); gripper alike in "
            f"{100 * self.gripper:.0f} %"
        )


@final
class AgreementLog:
    """Takes actions (A,) with the stamps of the frames they are from, in any order."""

    def __init__(self, rate_hz: float) -> None:
        """`rate_hz` is of control."""
        self._rate_hz = rate_hz
        self._done: dict[float, np.ndarray] = {}
        self._proposed: dict[float, np.ndarray] = {}

    def did(self, stamp: float, action: np.ndarray) -> None:
        """What somebody did."""
        self._done[stamp] = action

    def proposed(self, stamp: float, action: np.ndarray) -> None:
        """What the planner would have done."""
        self._proposed[stamp] = action

    def so_far(self) -> Agreement:
        """Of all steps; a proposal is of the step within half a control period of it."""
        pairs = self._pairs()
        angles = [angle for a, b in pairs if (angle := _angle(a[:3], b[:3])) is not None]
        alike = [(a[-1] > 0) == (b[-1] > 0) for a, b in pairs]
        return Agreement(
            steps=len(self._done),
            proposals=len(pairs),
            rate_hz=self._rate_hz * len(pairs) / max(1, len(self._done)),
            moving=len(angles),
            angle=percentile(angles, 50),
            angle_p90=percentile(angles, 90),
            gripper=float(np.mean(alike)) if alike else math.nan,
        )

    def _pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each step that has a proposal: what was done, and what was proposed."""
        stamps = sorted(self._proposed)
        pairs = []
        for stamp, action in self._done.items():
            i = bisect_left(stamps, stamp)
            near = min(stamps[max(0, i - 1) : i + 1], key=lambda s: abs(s - stamp), default=None)
            if near is not None and abs(near - stamp) < 0.5 / self._rate_hz:
                pairs.append((action, self._proposed[near]))
        return pairs


def _angle(a: np.ndarray, b: np.ndarray) -> float | None:
    """Degrees between two motions (3,); None where one of them hardly moves."""
    sizes = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(sizes) < _STILL:
        return None
    return math.degrees(math.acos(float(np.clip(a @ b / (sizes[0] * sizes[1]), -1, 1))))
