"""What demonstrators meant by their actions: they react late, tremble and pause."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def smoothed(
    actions: Tensor, spans: Sequence[slice], steps: int, switches: Sequence[int]
) -> Tensor:
    """Actions (T, A) as means of so many `steps` from each on, within the episodes at `spans`.

    What is done a little later is the answer to what is seen now, and a pause is soon over: to
    imitate a pause at a standstill is to stand still for ever. `switches` stay as they are.
    """
    means = actions.clone()
    for span in spans:
        own = actions[span]
        sums = torch.cat([torch.zeros_like(own[:1]), own.cumsum(0)])
        first = torch.arange(len(own))
        end = (first + steps).clamp_max(len(own))
        means[span] = (sums[end] - sums[first]) / (end - first)[:, None]
    means[:, list(switches)] = actions[:, list(switches)]
    return means
