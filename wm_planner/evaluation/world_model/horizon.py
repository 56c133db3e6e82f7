"""Horizon: for how many steps imagining is better than assuming that nothing changes."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Horizon(NamedTuple):
    """Steps until the model's mean error passes the null model's, of at most K."""

    steps: int  # 0: worse from the first step on
    limit: int  # K; a horizon of K was never passed
    better_at: int  # first step at which it is better at all; 0: at none


def horizon(model: Tensor, null: Tensor) -> Horizon:
    """From mean errors (K,) of the model and of the null model.

    Over very few steps hardly anything changes, and the null model can be the better one: the
    count goes on from the first step at which the model is better, to where it no longer is.
    """
    if model.shape != null.shape or model.ndim != 1:
        raise ValueError(f"errors {tuple(model.shape)} and {tuple(null.shape)}: expected (K,) both")
    better = (model < null).nonzero()[:, 0]  # (M,) ordered
    if not len(better):
        return Horizon(0, len(model), 0)
    first = int(better[0])
    passed = (model[first:] >= null[first:]).nonzero()[:, 0]
    last = first + int(passed[0]) if len(passed) else len(model)
    return Horizon(last, len(model), first + 1)


def horizon_by_stage(
    model: Tensor, null: Tensor, stage: Tensor, names: tuple[str, ...], least: int = 4
) -> dict[str, Horizon]:
    """From errors (W, K) of windows that start in `stage` (W,); stages of few windows left out."""
    found = {}
    for i, name in enumerate(names):
        chosen = stage == i
        if int(chosen.sum()) >= least:
            found[name] = horizon(model[chosen].mean(0), null[chosen].mean(0))
    return found
