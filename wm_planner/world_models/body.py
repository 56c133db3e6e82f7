"""What the robot's own body does next: nearly linear, and known before the frame is drawn."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from wm_planner.world_models.layers import mlp


@final
class Body(nn.Module):
    """Proprioception a step later: a linear part, what bends it, and what the body meets."""

    def __init__(self, proprio_size: int, action_size: int, hidden: int, seen: int) -> None:
        """`seen`: size of what was read of the frames."""
        super().__init__()
        given = 2 * proprio_size + action_size
        self.goes_on = nn.Linear(given, proprio_size)
        self.bends = mlp(given, hidden, proprio_size)
        self.meets = nn.Linear(seen, proprio_size, bias=False)
        nn.init.normal_(self.meets.weight, std=1e-3)

    def forward(self, before: Tensor, now: Tensor, action: Tensor, seen: Tensor | None) -> Tensor:
        """(..., P) after `action` (..., A), of those before (..., P) and now (..., P).

        `seen` (..., W) was read of the frames; None: there is nothing to meet.
        """
        given = torch.cat([before, now, action], dim=-1)
        change = self.goes_on(given) + self.bends(given)
        return now + (change if seen is None else change + self.meets(seen))
