"""The distribution over action sequences that the search draws from and refits to its elites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from wm_planner.noise import Generators, normal
from wm_planner.planning.switches import persistent_uniform, to_valid


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

    is_switch: Tensor
    """(A,) bool."""

    switch_floor: float
    """Least probability of either side of a switch at any step, in (0, 0.5]."""

    switch_renewal: float
    """Probability in [0, 1] that a switch is drawn anew at a step."""

    def sample(self, n: int, generator: Generators) -> Tensor:
        """Draw `n` valid action sequences, (B, n, H, A)."""
        batch, horizon, size = self.mean.shape
        noise = normal((batch, n, horizon, size), generator, self.mean.device)
        continuous = (self.mean[:, None] + self.std[:, None] * noise).clamp(-1, 1)  # (B, n, H, A)
        opening = ((1 + self.mean) / 2).clamp(self.switch_floor, 1 - self.switch_floor)
        uniform = persistent_uniform(noise, self.switch_renewal, generator)
        switched = torch.where(uniform < opening[:, None], 1.0, -1.0)
        return torch.where(self.is_switch, switched, continuous)

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
