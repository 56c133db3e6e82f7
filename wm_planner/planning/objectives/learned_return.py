"""The return that the model predicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from wm_planner.planning.objectives.checks import check_discount, check_weight
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class LearnedReturn:
    """Predicted return: sum_k discount^k r_k + discount^H V(z_H), TD-MPC2 (arXiv:2310.16828)."""

    discount: float = 0.97
    """Worth of a reward one step later, in (0, 1]; the one the value was trained with."""

    terminal: bool = True
    """Add the value after the last step; without it the planner sees H steps and no further."""

    weight: float = 1.0
    """Worth of it beside other objectives; at least 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        check_weight(self.weight)
        check_discount(self.discount)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        rewards = rollout.rewards  # (B, N, H)
        worth = discounts(self.discount, rewards.shape[-1], rewards.device)  # (H,)
        score = (rewards * worth).sum(-1)  # (B, N); a matrix product rounds as its size says
        if self.terminal:
            score = score + self.discount ** rewards.shape[-1] * rollout.terminal_value
        return score if self.weight == 1 else self.weight * score


@lru_cache
def discounts(discount: float, horizon: int, device: torch.device) -> Tensor:
    """discount^0, discount^1, ... (H,)."""
    with torch.inference_mode(False):  # kept for calls with gradients as well
        return discount ** torch.arange(horizon, device=device, dtype=torch.float32)
