"""What episodes that are planned in one batch keep from frame to frame, each for itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.monitoring.delay import LateArm, may_follow
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
    coming: list[Tensor | None]  # B, latents (L, D) a step later for each delay, if foreseen
    images: Tensor | None = None  # (B, V, C, h, w) uint8
    picture: Tensor | None = None  # (B, V, C, h, w) uint8, of the latent, if it was drawn


class _Last(NamedTuple):
    """Of one episode, B = 1."""

    latent: Latent
    warm_start: Tensor
    images: Tensor
    picture: Tensor | None = None
    coming: Tensor | None = None  # (L, D)


class Memory:
    """The last latent, the last plan and the random generator of every episode."""

    def __init__(self, seeds: Sequence[int], device: torch.device | str) -> None:
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._last: list[_Last | None] = [None] * len(seeds)
        self._late = [LateArm() for _ in seeds]
        self._actions: list[deque[Tensor]] = [deque(maxlen=_MOST_ACTIONS) for _ in seeds]

    def __len__(self) -> int:
        """How many episodes there are."""
        return len(self._last)

    def recall(self, episodes: Sequence[int]) -> Recollection:
        """Of the episodes of these numbers, in this order."""
        generators = [self._generators[i] for i in episodes]
        actions = [list(self._actions[i]) for i in episodes]
        late = [self._late[i] for i in episodes]
        known = [last for i in episodes if (last := self._last[i]) is not None]
        if not known:
            return Recollection(None, None, generators, actions, late, [None] * len(episodes))
        if len(known) < len(episodes):
            raise ValueError("some episodes have a last plan, some none; begin them at once")
        latent = Latent(*map(torch.cat, zip(*(last.latent for last in known), strict=True)))
        plans = _equally_long([last.warm_start for last in known])
        images = torch.cat([last.images for last in known])
        drawn = [last.picture for last in known if last.picture is not None]
        picture = torch.cat(drawn) if len(drawn) == len(known) else None
        coming = [last.coming for last in known]
        return Recollection(latent, plans, generators, actions, late, coming, images, picture)

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

    def foresee(
        self, branches: Callable[[Latent, Tensor], Tensor], episodes: Iterable[int]
    ) -> None:
        """Keep what comes after episodes' last latents, however late their arms may be.

        `branches` takes latents (1, D) and actions (1, L, A) to latents (1, L, D) a step later.
        """
        for i in episodes:
            last, given = self._last[i], self._actions[i]
            if last is not None and last.coming is None and given:
                coming = branches(last.latent, may_follow(list(given))[None])[0]
                self._last[i] = last._replace(coming=coming)

    def forget_actions(self) -> None:
        """The last actions were not carried out."""
        for i, last in enumerate(self._last):
            self._actions[i].clear()
            self._last[i] = last and last._replace(coming=None)


def _equally_long(plans: Sequence[Tensor]) -> Tensor:
    """(B, H, A) of B plans (1, any H, A): shorter ones repeat their last action."""
    horizon = max(plan.shape[1] for plan in plans)
    return torch.cat([fit_warm_start(plan, (1, horizon, plan.shape[2])) for plan in plans])
