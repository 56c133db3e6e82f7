"""A world model's action prior, or its planner, as a policy to be served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch

from wm_planner.advice.names import IMAGE, PROMPT, STATE
from wm_planner.assembly import build_search
from wm_planner.errors import UserError
from wm_planner.perception.images import observe
from wm_planner.planning import PlannerConfig, raise_if_failed
from wm_planner.serving.policy import numbers, picture, words
from wm_planner.types import Situation
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel
from wm_planner.world_models.words import tokens


@final
class ModelPolicy:
    """Plans from each question alone: frames of before are not remembered."""

    def __init__(self, model: LoadedModel, planner: PlannerConfig, device: str, seed: int) -> None:
        """`planner` may be prior; its horizon is the length of chunks."""
        if not family_of(model.config.network).rewards:
            raise UserError(
                "this model acts towards goal images, which the protocol has no place for; serve "
                "one that learned a task"
            )
        self._model, self._config, self._device = model.world_model, model.config, device
        self._planner = build_search(model, planner)
        self._generator = torch.Generator(device).manual_seed(seed)
        self._chunk, self._kind = planner.horizon, planner.planner

    @property
    def metadata(self) -> dict[str, Any]:
        """What is expected and what comes."""
        cameras = [f"{IMAGE}{camera}" for camera in self._config.cameras]
        return {
            "policy": f"{self._kind} of a world model for {', '.join(self._config.tasks)}",
            "observations": [*cameras, STATE, *([PROMPT] if self._told else [])],
            "actions": [self._chunk, self._config.action_size],
            "rate_hz": self._config.control_rate_hz,
        }

    @torch.inference_mode()
    def infer(self, question: Mapping[str, Any]) -> np.ndarray:
        """Actions (H, A)."""
        config = self._config
        frames = {camera: picture(question, f"{IMAGE}{camera}") for camera in config.cameras}
        proprio = numbers(question, STATE, config.proprio_size)
        observation = observe(frames, proprio, config.cameras, config.image_size, self._device)
        if self._told:
            told = tokens([words(question, PROMPT)], config.network.vocabulary)
            observation = observation._replace(instruction=told.to(self._device))
        latent = self._model.encode(observation)
        situation = Situation(observation.proprio)
        plan = self._planner.plan(latent, None, self._generator, situation)
        raise_if_failed(plan)
        actions: np.ndarray = plan.actions[0].float().cpu().numpy()
        return actions

    @property
    def _told(self) -> bool:
        return bool(self._config.network.instruction_size)
