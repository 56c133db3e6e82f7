"""How far off values are that were imagined: measured on episodes that were not learned from."""

from __future__ import annotations

import math

import torch

from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.latent_model import LatentModel

_AHEAD = 5  # steps, as far as a plan looks
_LEAST = 0.02  # of a value that is compared


@torch.no_grad()
def value_error(model: LatentModel, store: EpisodeStore) -> float | None:
    """Root mean square of log(imagined value / value of what was then seen), after half a second.

    The actions imagined are those taken in the held-out episodes that worked; None without one of
    enough steps. What a plan may gain by leaving the action prior means nothing below it: see
    `trusting` of the objectives.
    """
    errors = []
    for span in store.held_out:
        actions = store.actions[span].to(model.device)
        if len(actions) <= _AHEAD or not store.success[span].any():
            continue
        images, proprio = store.images[span].to(model.device), store.proprio[span].to(model.device)
        latents = model.filtered(images[None], proprio[None], actions[None, :-1])[0]  # (T, D)
        z, last = latents[:-_AHEAD], len(actions) - _AHEAD
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
