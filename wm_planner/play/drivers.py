"""Who chooses the actions of a dream: somebody's hands, the action prior, or a planner."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wm_planner.assembly import build_search
from wm_planner.errors import UserError
from wm_planner.planning import PlannerConfig, raise_if_failed, shift
from wm_planner.play.dream import Dream
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel

HANDS, PRIOR, PLANNER = "hands", "prior", "planner"
DRIVERS = (HANDS, PRIOR, PLANNER)


class DreamPlanner:
    """Plans from imagined latents alone: nothing is looked at on the way."""

    def __init__(self, model: LoadedModel, config: PlannerConfig) -> None:
        """Build it.

        Raises:
            UserError: the model knows no reward to plan for.
        """
        family = family_of(model.config.network)
        if not family.rewards:
            raise UserError(
                f"a model of family {family.name} knows no reward to plan for; let hands or the "
                "prior drive"
            )
        self._planner, self._device = build_search(model, config), model.world_model.device
        self.forget()

    def forget(self) -> None:
        """Whatever was planned, this is another moment."""
        self._last: Tensor | None = None
        self._generator = torch.Generator(self._device).manual_seed(0)

    @torch.inference_mode()
    def action(self, dream: Dream) -> np.ndarray:
        """The first action (A,) of a plan from where the dream is."""
        plan = self._planner.plan(dream.latent, self._last, self._generator)
        raise_if_failed(plan)
        self._last = shift(plan.actions)
        return plan.actions[0, 0].double().cpu().numpy()
