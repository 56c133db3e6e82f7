"""A model's planner as the pilot of an episode: it looks at nothing that a robot does not know."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.tasks import Task
from wm_planner.errors import UserError
from wm_planner.learning.behaviour import Frames, GaveUp
from wm_planner.monitoring.caution import Surprised
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlanningError


class Flight:
    """Pilot of one episode; gives up where the arm would hold."""

    def __init__(self, pipeline: Pipeline, task: Task, seed: int) -> None:
        """The `task` says what is to be done, once the episode has begun."""
        pipeline.reset(seed)
        self._pipeline, self._task, self._seed = pipeline, task, seed
        self._begun = False

    def __call__(self, observation: Frames, _: np.ndarray) -> np.ndarray:
        if not self._begun:
            self._pipeline.assignments.tell([self._task.instruction])
        try:
            plan = self._pipeline.think(observation, observation["proprio"]).plan
        except (PlanningError, Surprised) as error:
            if self._begun:
                raise GaveUp from error
            raise UserError(
                f"try {self._seed}: {error}; the model plans nothing from what it sees at the "
                "start: look at it with `wm_planner trials`"
            ) from error
        self._begun = True
        return plan.actions[0, 0].double().cpu().numpy()
