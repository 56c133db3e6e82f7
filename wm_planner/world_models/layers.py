"""Layers that latent world models share."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn


@final
class SimNorm(nn.Module):
    """Softmax within groups of the last axis: a sparse latent that cannot blow up.

    Simplicial normalisation (Lavoie 2022, arXiv:2204.00616; as used by TD-MPC2). The members of a
    group lie D / group apart, not side by side as there: a processor handles many groups at once.
    """

    def __init__(self, group: int = 8) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        groups = x.unflatten(-1, (self.group, -1))
        return groups.softmax(dim=-2).flatten(-2)


def mlp(inputs: int, hidden: int, outputs: int, *, depth: int = 2) -> nn.Sequential:
    """`depth` hidden layers of Linear, LayerNorm and SiLU, then a Linear."""
    layers: list[nn.Module] = []
    for size in [inputs, *[hidden] * (depth - 1)]:
        layers += [nn.Linear(size, hidden), nn.LayerNorm(hidden), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


@final
class EnsembleLinear(nn.Module):
    """K linear layers as one batched product: (K, batch, inputs) to (K, batch, outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.to(x.dtype), x, self.weight.to(x.dtype))


@final
class Scalar(nn.Module):
    """A number as what a network puts out."""

    def forward(self, outputs: Tensor) -> Tensor:
        """Numbers (...) of `outputs` (..., 1)."""
        return outputs[..., 0]

    def loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """Squared error (...)."""
        return (outputs[..., 0].float() - wanted).square()


@final
class TwoHot(nn.Module):
    """A number as a distribution over bins, evenly spaced in symlog: any scale fits.

    Symlog two-hot regression (DreamerV3, Hafner 2023, arXiv:2301.04104; as used by TD-MPC2).
    """

    centres: Tensor  # (bins,) in symlog

    def __init__(self, bins: int, limit: float = 10.0) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(-limit, limit, bins), persistent=False)

    def forward(self, outputs: Tensor) -> Tensor:
        """Expected numbers (...) of logits (..., bins)."""
        expected = (outputs.float().softmax(-1) * self.centres).sum(-1)
        return expected.sign() * expected.abs().expm1()

    def loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """Cross-entropy (...) against the two bins on either side of the number."""
        symlog = wanted.sign() * wanted.abs().log1p()
        position = (symlog - self.centres[0]) / (self.centres[1] - self.centres[0])
        position = position.clamp(0, len(self.centres) - 1 - 1e-4).expand(outputs.shape[:-1])
        below = position.long()
        share = (position - below)[..., None]  # (..., 1) of the bin above
        logs = outputs.float().log_softmax(-1)
        at_below, at_above = (logs.gather(-1, (below + i)[..., None]) for i in (0, 1))
        return -((1 - share) * at_below + share * at_above)[..., 0]


def numbers(bins: int) -> Scalar | TwoHot:
    """How a head with `bins` outputs is read as a number."""
    return Scalar() if bins == 1 else TwoHot(bins)
