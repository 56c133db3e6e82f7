"""How late the arm follows, found out from what is seen: nobody needs to tell.

An action that was given some steps ago explains what is seen now better than the last one, if the
arm is late by so many steps. The world model itself is asked which: it foresees, from the last
latent, what each of the last actions would lead to, and the one that errs least over time is it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LONGEST = 5  # steps that are looked for
_FORGETS = 0.9  # share of the evidence that is left a step later


def may_follow(given: Sequence[Tensor]) -> Tensor:
    """What the arm does next, (LONGEST + 1, A), if it is late by 0, 1, 2 steps and so on.

    It was `given` actions (A,), the last one last. Before that, as far as is known, it did nothing.
    """
    rest = torch.zeros_like(given[-1])
    return torch.stack([*reversed(given[-LONGEST - 1 :]), *[rest] * LONGEST][: LONGEST + 1])


class LateArm:
    """Evidence of one episode for each delay, in whole steps."""

    def __init__(self) -> None:
        self._errors: Tensor | None = None  # (LONGEST + 1,), of no delay first

    @property
    def steps(self) -> int:
        """The likeliest delay."""
        return 0 if self._errors is None else int(self._errors.argmin())

    def look(self, foreseen: Tensor, now: Tensor) -> None:
        """See which of latents (LONGEST + 1, D), one for each delay, that of now (D,) is like."""
        errors = (foreseen - now).float().square().mean(-1)
        self._errors = errors if self._errors is None else _FORGETS * self._errors + errors
