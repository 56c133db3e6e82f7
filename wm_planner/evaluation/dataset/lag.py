"""How long it takes from an action to the motion that it makes, as the data show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_MOST = 12  # steps
_AXES = 3  # of the hand, which proprioception and actions begin with


class Lag(NamedTuple):
    """Correlation of actions with the hand's motion k steps later."""

    correlations: list[float]  # for k = 0, 1, ...
    steps: float  # where it is largest, between the steps; NaN if nothing moves

    @property
    def strength(self) -> float:
        return max(self.correlations, default=float("nan"))


def lag(actions: Sequence[np.ndarray], proprio: Sequence[np.ndarray]) -> Lag:
    """Of episodes' actions (T, A) and proprioception (T, P).

    The motion k steps later is that of step t + k, from its beginning to its end.
    """
    pairs = [_pair(a, p) for a, p in zip(actions, proprio, strict=True) if len(a) > _MOST + 2]
    if not pairs:
        return Lag([], float("nan"))
    found = [_correlation(pairs, k) for k in range(_MOST + 1)]
    if not np.isfinite(found).all():
        return Lag([], float("nan"))
    return Lag(found, _top(found))


def _pair(actions: np.ndarray, proprio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Actions and motions (T - 1, 3), without their means."""
    acted, moved = actions[:-1, :_AXES], np.diff(proprio[:, :_AXES], axis=0)
    return acted - acted.mean(0), moved - moved.mean(0)


def _correlation(pairs: Sequence[tuple[np.ndarray, np.ndarray]], k: int) -> float:
    acted = np.concatenate([a[: len(a) - k] for a, _ in pairs])
    moved = np.concatenate([m[k:] for _, m in pairs])
    size = min(acted.shape[1], moved.shape[1])
    products = (acted[:, :size] * moved[:, :size]).sum(0)
    norms = np.sqrt((acted[:, :size] ** 2).sum(0) * (moved[:, :size] ** 2).sum(0))
    known = norms > 1e-9
    return float((products[known] / norms[known]).mean()) if known.any() else float("nan")


def _top(values: Sequence[float]) -> float:
    """Of a parabola through the largest value and its neighbours."""
    i = int(np.argmax(values))
    if not 0 < i < len(values) - 1:
        return float(i)
    before, top, after = values[i - 1 : i + 2]
    bend = before - 2 * top + after
    return i + (0.5 * (before - after) / bend if bend < 0 else 0.0)
