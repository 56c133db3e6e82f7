"""Actions that mean only closed (-1) or open (+1), such as a gripper: never half open."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.noise import Generators, uniform
from wm_planner.types import ActionSpace


def switch_mask(action_space: ActionSpace, device: torch.device) -> Tensor:
    """Which action dimensions are switches, (A,) bool."""
    for index in action_space.switches:
        if not 0 <= index < action_space.size:
            raise ValueError(
                f"switch {index} is outside the {action_space.size} actions, expected 0 to "
                f"{action_space.size - 1}: correct `switches` of the action space"
            )
    mask = [index in action_space.switches for index in range(action_space.size)]
    return torch.tensor(mask, device=device)


def to_valid(actions: Tensor, is_switch: Tensor) -> Tensor:
    """Nearest actions (..., A) the robot can take: clipped to [-1, 1], switches to -1 or +1.

    A switch at exactly 0 is open, the harmless side for a gripper.
    """
    switched = torch.where(actions >= 0, 1.0, -1.0)
    return torch.where(is_switch, switched, actions.clamp(-1, 1))


def persistent_uniform(like: Tensor, renewal: float, generator: Generators) -> Tensor:
    """Uniform numbers in [0, 1) of the shape of `like` (B, N, H, A) that rarely change along H.

    Each step keeps the number of the step before, or with probability `renewal` draws a new one.
    A switch that is open where the number is below p_h is open with probability exactly p_h at
    each step h, yet flips within a sequence only where p_h crosses the number, or at a renewal.
    """
    fresh = uniform(like.shape, generator, like.device)
    renewed = uniform(like.shape, generator, like.device) < renewal
    step = torch.arange(like.shape[2], device=like.device)[:, None]  # (H, 1)
    drawn_at = torch.where(renewed, step, 0).cummax(dim=2).values  # (B, N, H, A)
    return fresh.gather(2, drawn_at)
