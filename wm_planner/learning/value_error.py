"""How far off values are that were imagined: measured on episodes that were not learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from wm_planner.learning.held_out import Shown
from wm_planner.world_models.latent_model import LatentModel

_AHEAD = 5  # steps, as far as a plan looks
_LEAST = 0.02  # of a value that is compared


@torch.no_grad()
def value_error(model: LatentModel, shown: Sequence[Shown]) -> float | None:
    """Root mean square of log(imagined value / value of what was then seen), after half a second.

    The actions imagined are those taken in held-out episodes that worked; None without one of
    enough steps. What a plan may gain by leaving the action prior means nothing below it: see
    `for_return` of the objectives.
    """
    errors = []
    for latents, actions, _ in shown:
        last = len(actions) - _AHEAD
        if last <= 0:
            continue
        z = latents[:last]
        for k in range(_AHEAD):
            z = model.step(z, actions[k : k + last])
        imagined, seen = (
            model.value(x).float().mean(0).clamp_min(_LEAST).log() for x in (z, latents[_AHEAD:])
        )
        errors.append(imagined - seen)
    if not errors:
        return None
    found = torch.cat(errors).square().mean().sqrt().item()
    return round(found, 4) if math.isfinite(found) else None
