"""Where policies act: the simulation, and a dream of it that begins with the same frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.pipeline import Pipeline
from wm_planner.play.dream import Dream
from wm_planner.types import View
from wm_planner.world_models.store import LoadedModel


class Outcome(NamedTuple):
    """Of one start."""

    success: bool
    steps: int


class Stage:
    """One start after the other, in the dream or in its simulation."""

    def __init__(self, model: LoadedModel, likely: float, lasting: int) -> None:
        """A dream has succeeded when `lasting` steps running show it, with a chance above `likely`.

        Raises:
            UserError: a model that cannot say whether a task is done.
        """
        if model.world_model.success is None:
            raise UserError(
                f"the model of task '{model.config.task}' has no head for success, so a dream ends "
                "well or badly and nobody knows; train one with network.success"
            )
        self._dream = Dream(model)
        self._success: Callable[[Tensor], Tensor] = model.world_model.success
        self._likely, self._lasting = likely, lasting
        self._limit = self._dream.env.task.time_limit

    def simulate(self, policy: Pipeline, seed: int) -> Outcome:
        """In simulation, until the task is done or the time is over."""
        env = self._dream.env
        observation, _ = env.reset(seed=seed)
        policy.reset(seed)
        policy.assignments.tell([env.task.instruction])
        for step in range(1, self._limit + 1):
            action = _action(policy, View(observation, observation["proprio"]))
            observation, _, done, *_ = env.step(action)
            if done:
                return Outcome(True, step)
        return Outcome(False, self._limit)

    @torch.inference_mode()
    def dream(self, policy: Pipeline, seed: int) -> Outcome:
        """In the dream: the policy sees its pictures, and the model says when the task is done."""
        dream, done = self._dream, 0
        dream.reset(seed)
        policy.reset(seed)
        policy.assignments.tell([dream.env.task.instruction])
        for step in range(1, self._limit + 1):
            proprio = dream.arm.proprioception(dream.joints)
            dream.advance(_action(policy, View(dream.frames(), proprio)))
            chance = float(self._success(dream.latent.z).float().sigmoid())
            done = done + 1 if chance > self._likely else 0
            if done == self._lasting:
                return Outcome(True, step)
        return Outcome(False, self._limit)

    def close(self) -> None:
        self._dream.close()


def _action(policy: Pipeline, view: View) -> np.ndarray:
    plan = policy.think(*view[:2]).plan
    return plan.actions[0, 0].double().cpu().numpy()
