"""Trajectories as they were sent, when they arrive, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BPoly

_SAME = 1e-9  # s between times that are the same


class Sent(NamedTuple):
    """A trajectory that takes the place of the one before."""

    at: float  # s, when it was sent: where it begins
    times: np.ndarray  # (n,) s after that; the first is 0
    motion: np.ndarray  # (n, 3, J): position, velocity and acceleration of each point

    def state(self, after: float) -> np.ndarray:
        """Position, velocity and acceleration (3, J), so many seconds after it was sent."""
        return state(spline(self.times, self.motion, 5), after)

    def leads_to(self, positions: np.ndarray, after: float, apart: float) -> bool:
        """Whether it comes within `apart` rad of positions (J,) then; fingers do not count."""
        return bool((np.abs(positions - self.state(after)[0])[:-1] <= apart).all())


class Delivery(NamedTuple):
    """What happens to messages on their way."""

    name: str
    jitter: float = 0.0  # s; each is late by up to that
    lost: float = 0.0  # share of them


def arrivals(times: np.ndarray, delivery: Delivery, seed: int) -> np.ndarray:
    """When messages sent at these times (n,) arrive, in their order; infinite: never."""
    rng = np.random.default_rng(seed)
    late = np.maximum.accumulate(times + delivery.jitter * rng.uniform(size=len(times)))
    gone = rng.uniform(size=len(times)) < delivery.lost
    gone[0] = False  # where it begins is known
    return np.where(gone, np.inf, late)


def spline(times: np.ndarray, motion: np.ndarray, order: int) -> BPoly:
    """Through points (n, 3, J) at `times` (n,): cubic with `order` 3, quintic with 5."""
    known = {3: 2, 5: 3}[order]  # position and velocity; or acceleration too
    return BPoly.from_derivatives(times, motion[:, :known])


def state(curve: BPoly, time: float) -> np.ndarray:
    """Position, velocity and acceleration (3, J) at a time; at rest from its end on."""
    found = np.stack([curve(min(time, curve.x[-1]), nu=n) for n in range(3)])
    if time >= curve.x[-1]:
        found[1:] = 0.0
    return found


def planned(sent: Sequence[Sent], times: np.ndarray) -> np.ndarray:
    """Positions (T, J) at `times` (T,) that the planner means, each message in its time."""
    begins = np.array([one.at for one in sent])
    newest = np.maximum(np.searchsorted(begins - _SAME, times, side="right") - 1, 0)
    found = np.empty((len(times), sent[0].motion.shape[2]))
    for i, one in enumerate(sent):
        rows = newest == i
        since = np.clip(times[rows] - one.at, 0.0, one.times[-1])
        found[rows] = spline(one.times, one.motion, 5)(since)
    return found
