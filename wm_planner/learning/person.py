"""A demonstrator that is like a person who steers an arm, and not like an oracle.

It knows where to go, as a person does who looks; what it makes of that is a person's: it reacts
late, is slower than the arm, slows down near things, comes from another side, trembles, pauses,
overshoots, closes the hand too early, drops things, and sometimes gives up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from wm_planner.learning.behaviour import Frames, GaveUp

_CLOSE = -1.0


@dataclass(frozen=True)
class Habits:
    """How persons steer; ranges are of uniform draws, one an episode.

    Attributes:
        reaction: steps from what is seen to what is done about it.
        foresight: share of the own motion since then that is taken into account; less overshoots.
        speed: of the hand, as a share of the arm's.
        smoothing: share of the last step's motion in this one's: hands do not change abruptly.
        slant: speed sideways as a share of that downwards, while far: comes steeply, or early low.
        curve: standard deviation of the angle, rad, by which the way leads around.
        tremor: standard deviation of the motion's noise, in action units.
        pause: probability a step that a pause of 3 to 10 steps begins.
        early: probability that an episode's first grasp closes too early.
        drop: probability that an episode's first hold is let go of.
        resigns: probability that it gives up after such a mishap, instead of trying again.
    """

    reaction: tuple[int, int] = (1, 3)
    foresight: float = 0.8
    speed: tuple[float, float] = (0.6, 1.0)
    smoothing: tuple[float, float] = (0.2, 0.5)
    slant: tuple[float, float] = (0.3, 1.0)
    curve: float = 0.5
    tremor: float = 0.06
    pause: float = 0.015
    early: float = 0.12
    drop: float = 0.08
    resigns: float = 0.6


class Person:
    """Pilot of one demonstration."""

    def __init__(self, rng: np.random.Generator, habits: Habits | None = None) -> None:
        h = self._habits = habits or Habits()
        self._rng = rng
        late = int(rng.integers(*h.reaction, endpoint=True))
        self._seen: deque[np.ndarray] = deque(maxlen=late + 1)
        self._speed, self._smoothing = rng.uniform(*h.speed), rng.uniform(*h.smoothing)
        self._slant, self._angle = rng.uniform(*h.slant), h.curve * rng.normal()
        self._motion: np.ndarray | None = None
        self._under_way: deque[np.ndarray] = deque(maxlen=late)
        self._pause = self._mishap = 0
        self._early, self._drop = rng.random() < h.early, rng.random() < h.drop
        self._held = 0

    def __call__(self, _: Frames, expert: np.ndarray) -> np.ndarray:
        """Action (A,) of a person who sees what the expert would do (A,).

        Raises GaveUp when it has had enough.
        """
        self._seen.append(expert)
        seen = self._seen[0]
        gripper = self._with_mishaps(seen)
        still = np.zeros(len(seen) - 1)
        left = np.clip(seen[:-1] - self._habits.foresight * sum(self._under_way, still), -1, 1)
        way = _around(_slanted(_gently(left[:3]), self._slant), self._angle)
        wanted = self._speed * np.r_[way, left[3:]]
        if self._pauses():
            wanted = still
        before = still if self._motion is None else self._motion
        self._motion = self._smoothing * before + (1 - self._smoothing) * wanted
        self._under_way.append(self._motion)
        noise = self._habits.tremor * self._rng.normal(size=len(still))
        return np.clip(np.r_[self._motion + noise, gripper], -1, 1)

    def _pauses(self) -> bool:
        if self._pause == 0 and self._rng.random() < self._habits.pause:
            self._pause = int(self._rng.integers(3, 11))
        self._pause = max(0, self._pause - 1)
        return self._pause > 0

    def _with_mishaps(self, seen: np.ndarray) -> float:
        """What is done with the gripper, where the right thing would be in `seen` (A,)."""
        closes = seen[-1] == _CLOSE
        self._held = self._held + 1 if closes else 0
        near = not closes and np.abs(seen[:3]).max() < 0.9  # 4 cm an axis is the arm's full step
        if self._mishap == 0 and ((self._early and near) or (self._drop and self._held > 6)):
            self._early = self._early and not near
            self._drop = self._drop and not self._held > 6
            self._mishap = int(self._rng.integers(5, 9))
        if self._mishap == 0:
            return float(seen[-1])
        self._mishap -= 1
        if self._mishap == 0 and self._rng.random() < self._habits.resigns:
            raise GaveUp
        return float(-seen[-1]) if self._mishap else float(seen[-1])


def _gently(motion: np.ndarray) -> np.ndarray:
    """Motion (3,) that is slower the nearer its end is, in its own direction."""
    size = np.abs(motion).max()
    return motion * min(1.0, 0.35 + 0.65 * size)


def _slanted(motion: np.ndarray, slant: float) -> np.ndarray:
    """Motion (3,) whose horizontal part is smaller, the more the larger the motion is."""
    share = 1 - (1 - slant) * float(np.abs(motion).max())
    return motion * [share, share, 1.0]


def _around(motion: np.ndarray, angle: float) -> np.ndarray:
    """Motion (3,) whose horizontal part leads around: most while it is fast, not at its end."""
    angle = angle * float(np.abs(motion[:2]).max())
    c, s = np.cos(angle), np.sin(angle)
    return np.r_[c * motion[0] - s * motion[1], s * motion[0] + c * motion[1], motion[2]]
