"""Near what a goal picture shows, as far as latents tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.planning.objectives.checks import check_weight
from wm_planner.planning.objectives.latents import latents_of
from wm_planner.types import Proposal, Rollout, Situation

Distance = Callable[[Tensor, Tensor], Tensor]
"""From features (..., F) and a goal's, which broadcast, to distances (...)."""


@final
@dataclass(frozen=True)
class GoalImage:
    """Minus weight x distance of the imagined latents to the goal's, averaged over the horizon.

    The energy of Assran 2025 (arXiv:2506.09985), an l1 distance, and of DINO-WM
    (arXiv:2411.04983), a squared one, both of which look at the last step alone; the average also
    wants the goal soon.
    """

    distance: Distance
    """Between latents (..., D), which broadcast."""

    weight: float = 1.0
    """Return given up for a unit of distance; at least 0."""

    needs_latents = True

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        if situation.goal is None:
            raise UserError("objective goal_image has no goal image: give one, or weigh it 0")
        latents = latents_of(rollout, "goal_image")  # (B, N, H, D)
        goal = situation.goal.z[:, None, None]  # (B, 1, 1, D)
        return -self.weight * self.distance(latents, goal).float().mean(-1)


def l2(x: Tensor, goal: Tensor) -> Tensor:
    """Root of the mean squared difference."""
    return (x - goal).square().mean(-1).sqrt()


def l1(x: Tensor, goal: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (x - goal).abs().mean(-1)


def smooth_l1(x: Tensor, goal: Tensor) -> Tensor:
    """Mean Huber loss: squared for differences below 1, absolute above."""
    off = (x - goal).abs()
    return torch.where(off < 1, 0.5 * off.square(), off - 0.5).mean(-1)


def cosine(x: Tensor, goal: Tensor) -> Tensor:
    """1 - cosine of the angle between them, 0 to 2."""
    return 1.0 - F.cosine_similarity(x, goal, dim=-1)


DISTANCES: dict[str, Distance] = {"l2": l2, "l1": l1, "cosine": cosine, "smooth_l1": smooth_l1}
LEARNED = "learned"  # the model's own
DISTANCE_NAMES = (*DISTANCES, LEARNED)


def distance_of(
    name: str, features: Callable[[Tensor], Tensor] | None, learned: Distance | None
) -> Distance:
    """Between latents, by a name; a UserError where the model has not learned one of its own.

    Those that are not learned are of `features` of the latents, all of a latent where that is None.
    """
    if name == LEARNED:
        if learned is None:
            raise UserError(
                "the model has learned no distance to goals; take one of "
                f"{', '.join(DISTANCES)} as goal_distance"
            )
        return lambda z, goal: learned(z, goal.expand_as(z))
    plain = DISTANCES[name]
    if features is None:
        return plain
    return lambda z, goal: plain(features(z), features(goal))
