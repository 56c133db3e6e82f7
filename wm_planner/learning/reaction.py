"""What a person meant to do, and when: hands are late.

Whoever steers an arm sees that it is time to close the hand, and closes it a moment later; until
then the hand rests open where it should have closed. Most steps there show it open. A policy that
sees one moment at a time learns that it is likelier to stay open there, and, taking the likelier
side, never closes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wm_planner.errors import UserError

_MOST = 10  # control steps


def check_reaction(reaction: int, heeded: bool, remedy: str) -> None:
    """A UserError unless a person may be so late, in control steps, and something heeds it."""
    if not 0 <= reaction <= _MOST:
        raise UserError(f"reaction is {reaction}, expected control steps from 0 to {_MOST}")
    if reaction and not heeded:
        raise UserError(f"reaction is {reaction}, but no action prior is fitted with it: {remedy}")


def meant(
    actions: Tensor, spans: Sequence[slice], switches: Sequence[int], reaction: int
) -> Tensor:
    """Actions (T, A) of episodes that lie at `spans`, their `switches` thrown earlier.

    By `reaction` steps, within an episode; all else is as it was done.
    """
    if reaction == 0 or not switches:
        return actions
    found = actions.clone()
    for span in spans:
        later = torch.arange(span.start, span.stop).add(reaction).clamp_max(span.stop - 1)
        for switch in switches:
            found[span, switch] = actions[later, switch]
    return found
