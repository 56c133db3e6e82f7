"""What a model believes in the episodes that it did not learn from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.latent_model import LatentModel


class Shown(NamedTuple):
    """A held-out episode that worked."""

    latents: Tensor  # (T, D), each before its action
    actions: Tensor  # (T, A) as executed
    meant: Tensor  # (T, A), see `reaction.meant`


@torch.no_grad()
def held_out_successes(model: LatentModel, store: EpisodeStore, reaction: int = 0) -> list[Shown]:
    """Those of `store` as `model` sees them, on its device; there may be none."""
    found = []
    late = store.imitated(reaction, model.config.switches)
    for span in store.held_out:
        if store.success[span].any():
            images, proprio, actions = (
                part[span].to(model.device) for part in (store.images, store.proprio, store.actions)
            )
            told = store.told(span, model.config.vocabulary)
            latents = model.filtered(images[None], proprio[None], actions[None, :-1], told)[0]
            found.append(Shown(latents, actions, late[span].to(model.device)))
    return found
