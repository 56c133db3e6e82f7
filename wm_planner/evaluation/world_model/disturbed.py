"""Episodes that begin with a mess, which the one who drives then has to deal with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wm_planner.evaluation.world_model.recording import Pilot, Views
from wm_planner.learning.behaviour import PLAY, Disturbance


class PlayedFirst:
    """Somebody plays low above the table for `steps`, where things are; then the pilot begins.

    From there on the pilot acts undisturbed: what it comes to is its own doing, so a value can be
    compared with it. Some starts are beyond it, others only late.
    """

    def __init__(self, pilot: Pilot, steps: int, action_size: int) -> None:
        self._pilot, self._steps, self._size = pilot, steps, action_size

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot."""
        self._seeds, self._taken = seeds, 0
        rngs = [np.random.default_rng([seed, 5]) for seed in seeds]
        self._players = [Disturbance(PLAY, rng, self._size - 1) for rng in rngs]

    def act(self, views: Views) -> np.ndarray:
        """See Pilot."""
        if self._taken == self._steps:
            self._pilot.begin(self._seeds)
        self._taken += 1
        if self._taken > self._steps:
            return self._pilot.act(views)
        nothing = np.zeros(self._size)
        return np.stack([player.disturb(nothing) for player in self._players])
