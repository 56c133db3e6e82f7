"""Trusts the world model only as far as it foresaw what is seen now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.interfaces import Decodable, Planner, WorldModel
from wm_planner.monitoring.look import Look
from wm_planner.monitoring.picture_change import picture_change
from wm_planner.monitoring.surprise import SurpriseScale, frame_surprise, surprise
from wm_planner.planning import Part, join
from wm_planner.types import UNKNOWN, Latent, Plan, Situation


class Surprised(UserError):
    """What is seen is too far from what was foreseen or learned from: no ground for a plan."""

    def __init__(self, surprise: float, limit: float) -> None:
        self.surprise = surprise
        super().__init__(
            f"what the cameras show is {surprise:.2f} times as far from what was foreseen (at "
            "first: from what the model learned from) as 999 of 1,000 clean frames are, allowed "
            f"{limit:.2f}; look at scene, light and cameras, then call ~/reset and ~/start"
        )


class Sight(NamedTuple):
    """What was seen at one time."""

    latent: Latent  # (B, D)
    images: Tensor  # (B, V, C, h, w) uint8
    picture: Tensor | None = None  # (B, V, C, h, w) uint8, the latent decoded, where it is already


class Caution:
    """Compares predictions with frames; shortens the horizon, and refuses, as surprise grows.

    The first frames, which nobody foresaw, are compared with those that the model learned from.

    Args:
        world_model: made the predictions.
        scale: what its errors are like where nothing is wrong; None: that is not known.
        limit: surprise that it refuses, above 1: one in a thousand clean frames has more than 1.
        horizon: steps looked ahead while nothing surprises.
        planner_of: makes a planner that looks so many steps ahead.
        look: what training frames look like; None: that is not known.
    """

    def __init__(
        self,
        world_model: WorldModel,
        scale: SurpriseScale | None,
        limit: float,
        horizon: int,
        planner_of: Callable[[int], Planner],
        look: Look | None = None,
    ) -> None:
        if not limit > 1:
            raise UserError(
                f"max_surprise is {limit}, expected above 1, which one in a thousand clean frames "
                "exceeds; 0 takes no notice of surprise"
            )
        self._world_model, self._scale, self._look = world_model, scale, look
        self.limit, self.horizon = limit, horizon
        self._planners = {steps: planner_of(steps) for steps in range(1, horizon + 1)}

    def at_first(self, images: Tensor) -> list[float] | None:
        """Of each of B episodes how unlike frames (B, V, C, h, w) uint8 are; None: not known."""
        return None if self._look is None else self._look.strangeness(images).amax(1).tolist()

    def surprise(self, before: Sight, foreseen: Latent, now: Sight) -> Tensor | None:
        """Surprise (B,): the largest of the latent's and of each camera's frame; or None."""
        if self._scale is None:
            return None
        found = surprise(foreseen, now.latent, self._scale)
        model, believed = self._world_model, before.picture
        if isinstance(model, Decodable) and self._scale.frames:
            believed = model.decode(before.latent) if believed is None else believed
            change = picture_change(before.images, now.images, believed, model.decode(foreseen))
            found = torch.maximum(found, frame_surprise(change, self._scale).amax(1))
        return found

    def picture(self, latent: Latent) -> Tensor | None:
        """What a latent looks like (B, V, C, h, w) uint8; None where that is not compared."""
        compared = self._scale is not None and self._scale.frames
        if not isinstance(self._world_model, Decodable) or not compared:
            return None
        return self._world_model.decode(latent)

    def check(self, surprise: Sequence[float | None]) -> None:
        """Raise Surprised for the first of these that it refuses; None: nothing was foreseen."""
        for value in surprise:
            if value is not None and self.steps(value) == 0:
                raise Surprised(value, self.limit)

    def steps(self, surprise: float | None) -> int:
        """How far ahead to look; 0: not at all, no plan may rest on that.

        Full horizon up to a surprise of 1, a single step at the limit, straight in between.
        """
        if surprise is None:
            return self.horizon
        if not surprise <= self.limit:  # nor if it is no number
            return 0
        trust = min(1.0, (self.limit - surprise) / (self.limit - 1.0))
        return max(1, round(trust * self.horizon))

    def without_refused(self, plan: Plan, surprise: Sequence[float | None]) -> Plan:
        """A plan (B, ...) of which those have failed whose surprise is refused."""
        refused = [self.steps(value) == 0 for value in surprise]
        if not any(refused):
            return plan
        actions = plan.actions.clone()
        actions[refused] = torch.nan
        return plan._replace(actions=actions)

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor,
        generators: Sequence[torch.Generator],
        surprise: Sequence[float | None],
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Each batch element as far ahead as its own surprise allows; refused ones failed."""
        steps = [self.steps(value) for value in surprise]
        parts = []
        for horizon in sorted(set(steps) - {0}):
            rows = [b for b, far in enumerate(steps) if far == horizon]
            own = Latent(*(part[rows] for part in latent))
            drawn = [generators[b] for b in rows]
            planner = self._planners[horizon]
            plan = planner.plan(own, warm_start[rows], drawn, situation.of(rows))
            parts.append(Part(rows, plan))
        return join(parts, len(steps), warm_start.shape[-1], warm_start.device)
