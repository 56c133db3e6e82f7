"""A person who watches a model try, and takes over where it gets nowhere.

What the person shows from there are demonstrations of states that no demonstration from the start
would ever be in, and that the model gets itself into (HG-DAgger, Kelly 2019, arXiv:1810.02890).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.learning.behaviour import UNDISTURBED, Disturbance, Frames, HandedOver, Pilot
from wm_planner.learning.drive import drive
from wm_planner.learning.episodes import Episode, from_step
from wm_planner.learning.person import Person

PATIENCE = 1.5  # of a task's time limit, which persons have, who are slower than arms
STARTS = 20  # of which a person takes over in one, at most
_WATCHED = 20  # steps; whoever waits does so to see what becomes of it
_NEAR = 0.08  # of half the workspace, about 2 cm: so far a hand at rest strays


def starts_of(seed: int, episodes: int) -> range:
    """Seeds of the starts that a person watches for the episode of a seed, of so many episodes."""
    return range(seed, seed + STARTS * episodes, episodes)


def outcomes(began: Sequence[int], first: int, episodes: int) -> tuple[int, int]:
    """Of how many starts a model mastered how many, and those: (mastered, tried).

    A person took over in starts of seeds `began`, of `episodes` whose seeds are from `first` on.
    """
    tried = STARTS * (episodes - len(began))
    tried += sum((seed - first) // episodes + 1 for seed in began)
    return tried - len(began), tried


class Takeover(HandedOver):
    """Pilot of one episode: `model`, until its hand rests or after `most` steps, then `person`."""

    def __init__(self, model: Pilot, person: Pilot, most: int) -> None:
        super().__init__(model, person, most)
        self._places: deque[np.ndarray] = deque(maxlen=_WATCHED)

    def _gets_nowhere(self, observation: Frames) -> bool:
        self._places.append(observation["proprio"][:3])
        return len(self._places) == _WATCHED and bool(np.ptp(self._places, 0).max() < _NEAR)


def taken_over(
    env: ManipulationEnv,
    lend: Callable[[int], Pilot],
    starts: Iterable[int],
    rng: np.random.Generator,
    linger: int = 0,
) -> Episode | None:
    """What a person shows, from where the model fails, of the first of `starts` where it does.

    `lend` gives a pilot for a start's seed, which has the task's time limit. None if it masters all
    of them.
    """
    limit, calm = env.task.time_limit, Disturbance(UNDISTURBED, rng, env.arm.action_size - 1)
    for seed in starts:
        pilot = Takeover(lend(seed), Person(rng), limit)
        episode = drive(env, seed, pilot, calm, limit + round(PATIENCE * limit), linger)
        if pilot.since is not None:
            return from_step(episode, pilot.since)
    return None
