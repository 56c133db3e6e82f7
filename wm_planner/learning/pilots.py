"""A model's own planner and prior as pilots of training episodes, which an expert may end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wm_planner.assembly import build_pipeline
from wm_planner.envs.tasks import Task
from wm_planner.learning.behaviour import HandedOver, Pilot, follow_expert
from wm_planner.learning.flight import Flight
from wm_planner.planning import PlannerConfig
from wm_planner.processor import configure_torch
from wm_planner.world_models.store import load_model

_SHARE_OF_PRIOR = 0.3  # of the episodes; the planner flies the others
_TAKEOVERS = 0.3  # share of episodes that the expert ends
_SAMPLES = 64  # half the usual search: as good for visiting states, twice as fast


class Pilots:
    """Lends a pilot for an episode: mostly the planner, sometimes the prior."""

    def __init__(self, model: Path) -> None:
        configure_torch()
        loaded = load_model(model)
        self._planner = build_pipeline(loaded, PlannerConfig(samples=_SAMPLES))
        self._prior = build_pipeline(loaded, PlannerConfig(planner="prior"))

    def lend(self, task: Task, seed: int, time_limit: int, rng: np.random.Generator) -> Pilot:
        """In some episodes the expert takes over on the way and shows how to recover.

        The `task` says what is to be done, once the episode has begun.
        """
        pipeline = self._prior if rng.random() < _SHARE_OF_PRIOR else self._planner
        handover = int(rng.integers(time_limit // 5, time_limit))
        if rng.random() >= _TAKEOVERS:
            handover = time_limit
        return HandedOver(Flight(pipeline, task, seed), follow_expert, handover)
