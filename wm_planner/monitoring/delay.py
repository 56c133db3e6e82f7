"""How late the arm follows, found out from what is seen: nobody needs to tell.

An action that was given some steps ago explains what is seen now better than the last one, if the
arm is late by so many steps. The world model itself is asked which: it foresees, from the last
latent, what each of the last actions would lead to, and the one that errs least over time is it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wm_planner.interfaces import WorldModel
from wm_planner.types import Latent

LONGEST = 5  # steps that are looked for
_FORGETS = 0.9  # share of the evidence that is left a step later


class LateArm:
    """Evidence of one episode for each delay, in whole steps."""

    def __init__(self) -> None:
        self._errors: Tensor | None = None  # (LONGEST + 1,), of no delay first

    @property
    def steps(self) -> int:
        """The likeliest delay."""
        return 0 if self._errors is None else int(self._errors.argmin())

    def look(
        self, world_model: WorldModel, before: Latent, now: Latent, given: Sequence[Tensor]
    ) -> None:
        """Ask which of the actions `given` (A,), the last one last, led from `before` to `now`.

        Latents are (1, D). What was given before that is not known, or the arm was at rest: as far
        as that goes back, it did nothing.
        """
        rest = torch.zeros_like(given[-1])
        actions = [*reversed(given[-LONGEST - 1 :]), *[rest] * LONGEST][: LONGEST + 1]
        found = world_model.branches(before, torch.stack(actions)[None])[0]  # (LONGEST + 1, D)
        errors = (found - now.z).float().square().mean(-1)
        self._errors = errors if self._errors is None else _FORGETS * self._errors + errors
