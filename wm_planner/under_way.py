"""Actions between one moment and another, and the latent after them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wm_planner.interfaces import WorldModel
from wm_planner.memory import Recollection
from wm_planner.types import Latent, View

_FORESEEN = 3  # steps; surprise is only known of single ones, the error of more is about the same


def actions_since(memory: Recollection, views: Sequence[View]) -> list[list[Tensor]]:
    """What each episode did since it was seen last: the last action, then as was planned.

    Of an arm that is late, those before. Nothing where that is not known, or too long ago.
    """
    since: list[list[Tensor]] = [[] for _ in views]
    if memory.warm_start is None:
        return since
    for b, (done, view) in enumerate(zip(memory.actions, views, strict=True)):
        first = len(done) - 1 - memory.late[b].steps
        if first >= 0 and 1 <= view.steps <= _FORESEEN:
            since[b] = [*done, *memory.warm_start[b].unbind(0)][first : first + view.steps]
    return since


def advanced(model: WorldModel, latent: Latent, actions: Sequence[Sequence[Tensor]]) -> Latent:
    """`latent` (B, D), row b of it advanced by the `actions[b]` (A,) one after the other."""
    for i in range(max(map(len, actions))):
        moving = [b for b, own in enumerate(actions) if i < len(own)]
        action = torch.stack([actions[b][i] for b in moving])
        later = model.advance(Latent(*(part[moving] for part in latent)), action)
        latent = Latent(
            *(
                whole.index_copy(0, torch.tensor(moving, device=whole.device), part)
                for whole, part in zip(latent, later, strict=True)
            )
        )
    return latent
