"""Layers that latent world models share."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@final
class SimNorm(nn.Module):
    """Softmax within groups of the last axis: a sparse latent that cannot blow up.

    Simplicial normalisation (Lavoie 2022, arXiv:2204.00616; as used by TD-MPC2).
    """

    def __init__(self, group: int = 8) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        groups = x.unflatten(-1, (-1, self.group))
        return groups.softmax(dim=-1).flatten(-2)


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
class ValueEnsemble(nn.Module):
    """K value heads on one latent; their spread says where the value is a guess."""

    def __init__(self, members: int, inputs: int, hidden: int) -> None:
        super().__init__()
        self.members = members
        self.first = EnsembleLinear(members, inputs, hidden)
        self.second = EnsembleLinear(members, hidden, hidden)
        self.last = EnsembleLinear(members, hidden, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Values (K, ...) of latents (..., D)."""
        shape = z.shape[:-1]
        x = z.reshape(1, -1, z.shape[-1]).expand(self.members, -1, -1)  # (K, M, D)
        for layer in (self.first, self.second):
            x = layer(x)
            x = F.silu(F.layer_norm(x, x.shape[-1:]))
        return self.last(x)[..., 0].unflatten(1, shape or (1,))  # (K, ...)
