"""Proprioception read from latents by a line: for models that have no head for it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Readout(NamedTuple):
    """A linear map from latents to proprioception."""

    weight: Tensor  # (D, P)
    mean_z: Tensor  # (D,)
    mean_proprio: Tensor  # (P,)

    def __call__(self, z: Tensor) -> Tensor:
        """Proprioception (..., P) that latents (..., D) hold."""
        return (z - self.mean_z) @ self.weight + self.mean_proprio

    def explained(self, z: Tensor, proprio: Tensor) -> float:
        """Share of the variance of proprio (..., P) explained, R squared, at most 1."""
        left = (self(z) - proprio).flatten(0, -2).square().sum()
        spread = proprio.flatten(0, -2)
        return float(1 - left / (spread - spread.mean(0)).square().sum().clamp_min(1e-12))


def fit_readout(z: Tensor, proprio: Tensor, penalty: float = 0.03) -> Readout:
    """Ridge regression from latents (..., D) to proprio (..., P).

    `penalty` is relative to the latents' mean variance. Fit it on other episodes than those it is
    used on. Source: Hoerl and Kennard 1970, Technometrics 12.
    """
    z, proprio = z.flatten(0, -2).double(), proprio.flatten(0, -2).double()  # (M, D), (M, P)
    mean_z, mean_proprio = z.mean(0), proprio.mean(0)
    centred = z - mean_z
    gram = centred.T @ centred / len(z)  # (D, D)
    ridge = penalty * gram.diagonal().mean().clamp_min(1e-12) * torch.eye(len(gram))
    target = centred.T @ (proprio - mean_proprio) / len(z)
    weight = torch.linalg.solve(gram + ridge, target)
    return Readout(weight.float(), mean_z.float(), mean_proprio.float())
