"""Actions between one moment and another, the latent after them, and how late the arm does them."""

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


def one_step_later(view: View) -> bool:
    """Whether the arm did one action since the last view, at full speed as the model learned."""
    return view.steps == 1 and view.speed_scale == 1


def comparable(memory: Recollection, views: Sequence[View]) -> list[Tensor | None]:
    """What may have come of each episode, latents (L, D), one for each delay of its arm.

    None where that was not foreseen, or more or less than a step went by.
    """
    return [
        coming if one_step_later(view) else None
        for coming, view in zip(memory.coming, views, strict=True)
    ]


def followed(
    model: WorldModel,
    memory: Recollection,
    since: Sequence[Sequence[Tensor]],
    coming: Sequence[Tensor | None],
) -> Latent:
    """Latents (B, D) of now: what was `coming`, else where the actions `since` lead."""
    assert memory.latent is not None
    ready = {
        b: found[memory.late[b].steps]
        for b, found in enumerate(coming)
        if found is not None and since[b]
    }
    left = [() if b in ready else actions for b, actions in enumerate(since)]
    z = advanced(model, memory.latent, left).z
    return Latent(torch.stack([ready.get(b, row) for b, row in enumerate(z)]))


def look_for_delays(memory: Recollection, coming: Sequence[Tensor | None], now: Latent) -> None:
    """See in latents (B, D) of now how late each arm is, where it is known what may have come."""
    for late, found, z in zip(memory.late, coming, now.z, strict=True):
        if found is not None:
            late.look(found, z)
