"""How training episodes are driven: somebody acts, disturbed in ways a planner must recover from.

First the scripted expert acts; later the planner of the model trained so far, while the expert
still says what it would have done (DAgger, Ross 2011, arXiv:1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

_CORRELATION = 0.8  # of the noise from step to step

Frames = Mapping[str, np.ndarray]
Pilot = Callable[[Frames, np.ndarray], np.ndarray]
"""Action (A,) from an observation and the expert's action (A,); may raise GaveUp."""


class GaveUp(Exception):
    """The pilot ends the episode, which has failed."""


def follow_expert(_: Frames, expert: np.ndarray) -> np.ndarray:
    """The scripted expert as a pilot."""
    return expert


class HandedOver:
    """Pilot of one episode: `first`, for `most` steps or until it gives up, and then `second`.

    Attributes:
        since: the step from which the second one acted; None before.
    """

    def __init__(self, first: Pilot, second: Pilot, most: int) -> None:
        self._first, self._second, self._most = first, second, most
        self._step = 0
        self.since: int | None = None

    def __call__(self, observation: Frames, expert: np.ndarray) -> np.ndarray:
        if self.since is None:
            with suppress(GaveUp):
                if not (self._gets_nowhere(observation) or self._step >= self._most):
                    action = self._first(observation, expert)
                    self._step += 1
                    return action
            self.since = self._step
        return self._second(observation, expert)

    def _gets_nowhere(self, _: Frames) -> bool:
        """Whether the first one is to end before its time."""
        return False


@dataclass(frozen=True)
class Mix:
    """Shares of episodes by the standard deviation of their correlated action noise.

    Attributes:
        shares: probability of each kind; they add up to 1.
        noise: standard deviation of the noise of each kind; infinity means play without a pilot.
        burst: probability a step that a burst of 4 to 8 random actions starts.
        slip: probability a step that the gripper does the opposite for 3 steps.
    """

    shares: tuple[float, ...] = (0.35, 0.4, 0.2, 0.05)
    noise: tuple[float, ...] = (0.1, 0.3, 0.6, np.inf)
    burst: float = 0.02
    slip: float = 0.015

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.noise) or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares {self.shares} must add up to 1, one for each of {self.noise}")


UNDISTURBED = Mix(shares=(1.0,), noise=(0.0,), burst=0.0, slip=0.0)
"""For a person, who errs enough by itself, and in a person's way."""

PLAY = Mix(shares=(1.0,), noise=(np.inf,), burst=0.0, slip=0.0)
"""Nobody acts: what happens then is a model's business as well."""

GENTLE = Mix(shares=(0.5, 0.3, 0.2), noise=(0.0, 0.15, 0.3), burst=0.005, slip=0.005)
"""For a planner, which errs enough by itself."""


class Disturbance:
    """Turns the pilot's action into the one executed; one object an episode."""

    def __init__(self, mix: Mix, rng: np.random.Generator, moves: int = 3) -> None:
        """`moves` is how many numbers of an action move or turn the hand: all but the last."""
        self._mix, self._rng, self._moves = mix, rng, moves
        self._scale = rng.choice(mix.noise, p=mix.shares)
        self._noise = np.zeros(moves)
        self._burst = self._slip = 0
        self._direction = np.zeros(moves)
        self._gripper = 1.0

    def disturb(self, action: np.ndarray) -> np.ndarray:
        """Action (A,) to execute instead of the pilot's (A,)."""
        rng = self._rng
        innovation = rng.normal(size=self._moves) * np.sqrt(1 - _CORRELATION**2)
        self._noise = _CORRELATION * self._noise + innovation
        if np.isinf(self._scale):
            return self._play()
        action = action.copy()
        action[:-1] += self._scale * self._noise
        if self._burst == 0 and rng.random() < self._mix.burst:
            self._burst = int(rng.integers(4, 9))
            self._direction = rng.uniform(-1, 1, self._moves)
        if self._burst > 0:
            self._burst -= 1
            action[:-1] = self._direction + 0.3 * self._noise
        if self._slip == 0 and rng.random() < self._mix.slip:
            self._slip = 3
        if self._slip > 0:
            self._slip -= 1
            action[-1] = -action[-1]
        return np.clip(action, -1, 1)

    def _play(self) -> np.ndarray:
        if self._rng.random() < 0.1:
            self._gripper = -self._gripper
        drift = np.r_[0.0, 0.0, -0.15, np.zeros(self._moves - 3)]  # play low, where things are
        return np.clip(np.r_[drift + 0.8 * self._noise, self._gripper], -1, 1)
