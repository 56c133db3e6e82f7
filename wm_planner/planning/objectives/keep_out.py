"""Boxes that the hand is to stay out of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.planning.objectives.checks import check_weight
from wm_planner.types import Proposal, Rollout, Situation

_DEPTH = 0.1  # m inside a box that cost as much as to enter it
_LEAST = 1e-9  # m; a shorter way along an axis is none

Box = tuple[float, ...]
"""Two opposite corners x0, y0, z0, x1, y1, z1 in m, in the frame of the robot's base."""


@final
@dataclass(frozen=True)
class KeepOut:
    """Minus weight x steps on which the hand's path goes through a box; deep inside counts more.

    The path is known from the robot's controller, nothing of it is learned. It is a wish, not a
    guard: where every candidate enters, the one that leaves soonest wins.
    """

    path: Callable[[Tensor, Tensor], Tensor]
    """Points (B, N, H + 1, 3) m, base frame, under actions (B, N, H, A) from proprio (B, P)."""

    boxes: tuple[Box, ...]
    """At least one."""

    margin: float = 0.02
    """m by which boxes count as larger: the hand follows such a path only roughly."""

    weight: float = 100.0
    """Return given up for a step through a box; at least 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)
        check_boxes(self.boxes)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        if situation.proprio is None:
            raise UserError("objective keep_out needs proprioception: where the hand is now")
        points = self.path(situation.proprio, rollout.actions)  # (B, N, H + 1, 3)
        cost = sum(_cost(points, box, self.margin) for box in self.boxes)
        return -self.weight * cost  # type: ignore[return-value,operator]


def check_boxes(boxes: Sequence[Sequence[float]]) -> None:
    """Raise ValueError unless each is two corners, the lower one first."""
    for box in boxes:
        if len(box) != 6 or not all(low < high for low, high in zip(box[:3], box[3:], strict=True)):
            raise ValueError(
                f"keep_out box {list(box)}: expected [x0, y0, z0, x1, y1, z1] in m, base frame, "
                "each of the first three below its counterpart"
            )


def _cost(points: Tensor, box: Box, margin: float) -> Tensor:
    """Of paths (B, N, H + 1, 3): steps through the box, and how deep they end, (B, N)."""
    lower, upper = points.new_tensor(box[:3]) - margin, points.new_tensor(box[3:]) + margin
    inside = torch.minimum(points[..., 1:, :] - lower, upper - points[..., 1:, :]).amin(-1)
    through = _crosses(points[..., :-1, :], points[..., 1:, :], lower, upper)
    return (through + through * inside.clamp_min(0) / _DEPTH).sum(-1)


def _crosses(start: Tensor, end: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Which straight lines (..., 3) share a point with a box, 1 or 0: the slabs' method.

    Kay and Kajiya 1986 (Ray tracing complex scenes).
    """
    way = end - start
    way = torch.where(way.abs() < _LEAST, _LEAST, way)
    first, second = (lower - start) / way, (upper - start) / way  # shares of the way
    enters = torch.minimum(first, second).amax(-1).clamp_min(0.0)
    leaves = torch.maximum(first, second).amin(-1).clamp_max(1.0)
    return (enters <= leaves).to(start.dtype)
