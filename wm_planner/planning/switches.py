"""Actions that mean only closed (-1) or open (+1), such as a gripper: never half open."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from wm_planner.types import ActionSpace


@lru_cache
def switch_mask(action_space: ActionSpace, device: torch.device) -> Tensor:
    """Which action dimensions are switches, (A,) bool."""
    for index in action_space.switches:
        if not 0 <= index < action_space.size:
            raise ValueError(
                f"switch {index} is outside the {action_space.size} actions, expected 0 to "
                f"{action_space.size - 1}: correct `switches` of the action space"
            )
    mask = [index in action_space.switches for index in range(action_space.size)]
    with torch.inference_mode(False):  # kept for calls with gradients as well
        return torch.tensor(mask, device=device)


def to_valid(actions: Tensor, is_switch: Tensor) -> Tensor:
    """Nearest actions (..., A) the robot can take: clipped to [-1, 1], switches to -1 or +1.

    A switch at exactly 0 is open, the harmless side for a gripper.
    """
    switched = torch.where(actions >= 0, 1.0, -1.0)
    return torch.where(is_switch, switched, actions.clamp(-1, 1))
