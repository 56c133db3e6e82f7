"""What makes an imagined future good: terms that score a rollout, higher is better, and add up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from wm_planner.interfaces import Objective
from wm_planner.types import Proposal, Rollout, Situation


@final
@dataclass(frozen=True)
class LearnedReturn:
    """Predicted return: sum_k discount^k r_k + discount^H V(z_H), TD-MPC2 (arXiv:2310.16828)."""

    discount: float = 0.97
    """Worth of a reward one step later, in (0, 1]; the one the value was trained with."""

    terminal: bool = True
    """Add the value after the last step; without it the planner sees H steps and no further."""

    needs_latents = False

    def __post_init__(self) -> None:
        _check_discount(self.discount)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        rewards = rollout.rewards  # (B, N, H)
        score = rewards @ _discounts(self.discount, rewards.shape[-1], rewards.device)  # (B, N)
        if self.terminal:
            score = score + self.discount ** rewards.shape[-1] * rollout.terminal_value
        return score


@final
@dataclass(frozen=True)
class UncertaintyPenalty:
    """Minus weight x discount^H x disagreement of the value ensemble after the last step."""

    weight: float = 1.0
    """Return given up for one standard deviation of disagreement; at least 0."""

    discount: float = 0.97
    """Worth of a reward one step later, in (0, 1]; the same as the return's."""

    needs_latents = False

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        _check_discount(self.discount)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        return -self.weight * self.discount ** rollout.rewards.shape[-1] * rollout.disagreement


@final
@dataclass(frozen=True)
class PriorPenalty:
    """Minus weight x squared distance from the action prior, in the prior's standard deviations.

    The distance ((a - mean) / std)^2 is summed over action dimensions, switches included, and
    averaged over the horizon. An unsure prior (large std) so constrains little, a sure one keeps
    the plan near it. Without a prior the score is zero.
    """

    weight: float = 0.01
    """Return given up for one squared standard deviation; at least 0."""

    min_std: float = 0.1
    """Floor of the prior's standard deviation, in action units; above 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        if not self.min_std > 0:
            raise ValueError(
                f"min_std is {self.min_std}, expected above 0: a sure prior would divide by zero"
            )

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        if prior is None:
            return torch.zeros_like(rollout.terminal_value)
        std = prior.std.clamp(min=self.min_std)  # (B, H, A)
        distance = (rollout.actions - prior.mean[:, None]) / std[:, None]  # (B, N, H, A)
        return distance.square().sum((-2, -1)) * (-self.weight / distance.shape[2])


@final
@dataclass(frozen=True)
class ActionSmoothness:
    """Minus weight x squared change of action between steps, summed over A, averaged over H - 1."""

    weight: float = 0.01
    """Return given up for one squared unit of change; at least 0."""

    needs_latents = False

    def __post_init__(self) -> None:
        _check_weight(self.weight)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N); zero for a single step."""
        if rollout.actions.shape[2] == 1:
            return torch.zeros_like(rollout.terminal_value)
        return -self.weight * rollout.actions.diff(dim=2).square().sum(-1).mean(-1)


@final
@dataclass(frozen=True)
class Sum:
    """Several objectives added up; each brings its own weight."""

    terms: tuple[Objective, ...]
    """The objectives to add, at least one."""

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("terms is empty, expected at least one objective: add LearnedReturn()")

    @property
    def needs_latents(self) -> bool:
        return any(term.needs_latents for term in self.terms)

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N)."""
        first, *others = self.terms
        score = first.score(rollout, prior, situation)
        for term in others:
            score = score + term.score(rollout, prior, situation)
        return score


@lru_cache
def _discounts(discount: float, horizon: int, device: torch.device) -> Tensor:
    """discount^0, discount^1, ... (H,)."""
    with torch.inference_mode(False):  # kept for calls with gradients as well
        return discount ** torch.arange(horizon, device=device, dtype=torch.float32)


def _check_weight(weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise ValueError(
            f"weight is {weight}, expected finite and at least 0: the sign is the objective's own"
        )


def _check_discount(discount: float) -> None:
    if not 0 < discount <= 1:
        raise ValueError(
            f"discount is {discount}, expected in (0, 1]: use the one the value was trained with"
        )
