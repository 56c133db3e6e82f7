"""What episodes that are planned in one batch keep from frame to frame, each for itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.monitoring.delay import LateArm
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import Latent

_MOST_ACTIONS = 20  # that are kept of an episode: a delay is never longer


class Recollection(NamedTuple):
    """Of B episodes; the first time there is nothing but generators."""

    latent: Latent | None  # (B, D)
    warm_start: Tensor | None  # (B, H, A)
    generators: list[torch.Generator]  # B
    actions: list[list[Tensor]]  # B, of the last actions (A,), oldest first
    late: list[LateArm]  # B
    images: Tensor | None = None  # (B, V, C, h, w) uint8
    picture: Tensor | None = None  # (B, V, C, h, w) uint8, of the latent, if it was drawn


class _Last(NamedTuple):
    """Of one episode, B = 1."""

    latent: Latent
    warm_start: Tensor
    images: Tensor
    picture: Tensor | None = None


class Memory:
    """The last latent, the last plan and the random generator of every episode."""

    def __init__(self, seeds: Sequence[int], device: torch.device | str) -> None:
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._last: list[_Last | None] = [None] * len(seeds)
        self._late = [LateArm() for _ in seeds]
        self._actions: list[deque[Tensor]] = [deque(maxlen=_MOST_ACTIONS) for _ in seeds]

    def recall(self, episodes: Sequence[int]) -> Recollection:
        """Of the episodes of these numbers, in this order."""
        generators = [self._generators[i] for i in episodes]
        actions = [list(self._actions[i]) for i in episodes]
        late = [self._late[i] for i in episodes]
        known = [last for i in episodes if (last := self._last[i]) is not None]
        if not known:
            return Recollection(None, None, generators, actions, late)
        if len(known) < len(episodes):
            raise ValueError("some episodes have a last plan, some none; begin them at once")
        latent = Latent(*map(torch.cat, zip(*(last.latent for last in known), strict=True)))
        plans = _equally_long([last.warm_start for last in known])
        images = torch.cat([last.images for last in known])
        drawn = [last.picture for last in known if last.picture is not None]
        picture = torch.cat(drawn) if len(drawn) == len(known) else None
        return Recollection(latent, plans, generators, actions, late, images, picture)

    def remember(
        self,
        rows: Mapping[int, int],
        latent: Latent,
        images: Tensor,
        action: Tensor,
        warm_start: Tensor,
    ) -> None:
        """Of episode i, row `rows[i]` of `latent` (B, D), `images` (B, V, C, h, w) and so on."""
        for i, b in rows.items():
            row = slice(b, b + 1)
            own = Latent(*(part[row] for part in latent))
            self._last[i] = _Last(own, warm_start[row], images[row])
            self._actions[i].append(action[b])

    def draw(self, picture: Callable[[Latent], Tensor | None]) -> None:
        """Keep the picture (1, V, C, h, w) of every episode's last latent (1, D)."""
        for i, last in enumerate(self._last):
            if last is not None and last.picture is None:
                self._last[i] = last._replace(picture=picture(last.latent))

    def forget_actions(self) -> None:
        """The last actions were not carried out."""
        for actions in self._actions:
            actions.clear()


def _equally_long(plans: Sequence[Tensor]) -> Tensor:
    """(B, H, A) of B plans (1, any H, A): shorter ones repeat their last action."""
    horizon = max(plan.shape[1] for plan in plans)
    return torch.cat([fit_warm_start(plan, (1, horizon, plan.shape[2])) for plan in plans])
