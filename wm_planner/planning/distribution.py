"""The distribution over action sequences that the search draws from and refits to its elites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from wm_planner.noise import Noise
from wm_planner.planning.switches import switch_mask, to_valid
from wm_planner.types import ActionSpace


@final
@dataclass(frozen=True)
class SequenceDistribution:
    """Independent Gaussians, clipped to [-1, 1]; for switches, Bernoullis that persist in time.

    A switch is open (+1) with probability (1 + mean) / 2.
    """

    mean: Tensor
    """(B, H, A) in [-1, 1]."""

    std: Tensor
    """(B, H, A) in action units; of a switch only told, not used."""

    action_space: ActionSpace
    """Says which actions are switches."""

    switch_floor: float
    """Least probability of either side of a switch at any step, in (0, 0.5]."""

    @property
    def is_switch(self) -> Tensor:
        """(A,) bool."""
        return switch_mask(self.action_space, self.mean.device)

    def sample(self, noise: Noise) -> Tensor:
        """Valid action sequences (B, N, H, A), from a round of `sequence_noise.draw`."""
        actions = (self.mean[:, None] + self.std[:, None] * noise.normal).clamp(-1, 1)
        for i, switch in enumerate(self.action_space.switches):
            opening = ((1 + self.mean[:, None, :, switch]) / 2).clamp(
                self.switch_floor, 1 - self.switch_floor
            )  # (B, 1, H)
            actions[..., switch] = torch.where(noise.uniform[..., i] < opening, 1.0, -1.0)
        return actions

    def central(self) -> Tensor:
        """The mean as a valid sequence (B, H, A): each switch on its likelier side."""
        return to_valid(self.mean, self.is_switch)

    def refitted(
        self, actions: Tensor, weights: Tensor, min_std: float, max_std: float
    ) -> SequenceDistribution:
        """Weighted maximum likelihood for `actions` (B, K, H, A), `weights` (B, K) adding to 1."""
        weights = weights[..., None, None]  # (B, K, 1, 1)
        mean = (weights * actions).sum(1)  # (B, H, A)
        std = (weights * (actions - mean[:, None]).square()).sum(1).sqrt()
        bounded = torch.where(self.is_switch, std, std.clamp(min_std, max_std))
        return replace(self, mean=mean, std=bounded)
