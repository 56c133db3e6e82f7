"""The latents of a rollout, for objectives that look at them."""

from __future__ import annotations

from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.types import Rollout


def latents_of(rollout: Rollout, objective: str) -> Tensor:
    """Latents (B, N, H, D); a UserError where the code that imagines keeps none."""
    if rollout.latents is None:
        raise UserError(
            f"objective {objective} looks at imagined latents, which this code does not keep; "
            "take backend eager"
        )
    return rollout.latents
