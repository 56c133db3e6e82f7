"""Against collapse: features that are the same for every frame would be foreseen best."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_DIRECTIONS = 64  # random ones that SIGReg looks along
_KNOTS = 17
_FARTHEST = 3.0  # frequency of the characteristic function


def variance(features: Tensor) -> Tensor:
    """() how far the standard deviations of features (M, F) are below one (VICReg, eq. 1)."""
    return F.relu(1 - (features.var(0) + 1e-4).sqrt()).mean()


def covariance(features: Tensor) -> Tensor:
    """() squared covariances of features (M, F), but for their variances (VICReg, eq. 4)."""
    centred = features - features.mean(0)
    matrix = centred.T @ centred / max(1, len(features) - 1)  # (F, F)
    return (matrix.square().sum() - matrix.diagonal().square().sum()) / len(matrix)


def sigreg(features: Tensor, generator: torch.Generator) -> Tensor:
    """() how far features (M, F) are from an isotropic Gaussian, along random directions.

    Epps and Pulley's test of each projection: the empirical characteristic function against
    exp(-t^2 / 2), weighted by it and integrated over t (LeJEPA, arXiv:2511.08544, section 4).
    """
    directions = torch.randn(features.shape[-1], _DIRECTIONS, generator=generator).to(features)
    projected = features @ F.normalize(directions, dim=0)  # (M, directions)
    t = torch.linspace(0, _FARTHEST, _KNOTS, device=features.device)
    angles = projected[..., None] * t  # (M, directions, knots)
    normal = torch.exp(-t.square() / 2)  # (knots,)
    error = (angles.cos().mean(0) - normal).square() + angles.sin().mean(0).square()
    return torch.trapezoid(error * normal, t).mean() * len(features)
