"""What every family reads off its latent: reward, value, action prior, success, pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.layers import EnsembleLinear, mlp, numbers
from wm_planner.world_models.network_config import NetworkConfig

STD_RANGE = (0.05, 1.0)  # of the prior, in action units


class PriorParameters(NamedTuple):
    """The action prior at a latent."""

    mean: Tensor  # (..., A) in (-1, 1)
    std: Tensor  # (..., A)
    logit: Tensor  # (..., A) of a switch being +1; meaningless for other actions


class Head(nn.Sequential):
    """An MLP that reads some numbers of a latent: all, unless a family says how many, and where."""

    def __init__(self, inputs: int, hidden: int, outputs: int, begin: int = 0) -> None:
        super().__init__(*mlp(inputs, hidden, outputs))
        self.inputs = inputs
        self._read = slice(begin, begin + inputs)

    def forward(self, z: Tensor) -> Tensor:
        """What it puts out, (..., outputs), of latents (..., D)."""
        return super().forward(z[..., self._read])


@final
class ActionPrior(Head):
    """Which actions suit a latent: a Gaussian for each, a Bernoulli for each switch."""

    is_switch: Tensor  # (A,) bool

    def __init__(self, config: NetworkConfig, inputs: int, begin: int = 0) -> None:
        super().__init__(inputs, config.hidden_size, 2 * config.action_size, begin)
        mask = torch.zeros(config.action_size, dtype=torch.bool)
        mask[list(config.switches)] = True
        self.register_buffer("is_switch", mask, persistent=False)

    def at(self, z: Tensor) -> PriorParameters:
        """The prior at latents (..., D)."""
        first, second = self(z).float().chunk(2, dim=-1)
        low, high = STD_RANGE
        std = low + (high - low) * torch.sigmoid(second)
        mean = torch.tanh(torch.where(self.is_switch, first / 2, first))
        std = torch.where(self.is_switch, (1 - mean**2).clamp_min(1e-6).sqrt(), std)
        return PriorParameters(mean, std.clamp_min(low), first)

    def sample(self, prior: PriorParameters, normal: Tensor, uniform: Tensor) -> Tensor:
        """Actions (..., A) from standard normal and uniform noise (..., A)."""
        switched = torch.where(uniform < torch.sigmoid(prior.logit), 1.0, -1.0)
        moved = (prior.mean + prior.std * normal).clamp(-1, 1)
        return torch.where(self.is_switch, switched, moved)


@final
class ValueEnsemble(nn.Module):
    """K value heads on one latent; their spread says where the value is a guess."""

    def __init__(self, members: int, inputs: int, hidden: int, bins: int = 1) -> None:
        super().__init__()
        self.members, self.inputs = members, inputs
        self.first = EnsembleLinear(members, inputs, hidden)
        self.second = EnsembleLinear(members, hidden, hidden)
        self.last = EnsembleLinear(members, hidden, bins)
        self.read = numbers(bins)

    def forward(self, z: Tensor) -> Tensor:
        """Values (K, ...) of latents (..., D)."""
        return self.read(self.outputs(z))

    def outputs(self, z: Tensor) -> Tensor:
        """What the heads put out, (K, ..., bins), of latents (..., D)."""
        shape = z.shape[:-1]
        x = (
            z[..., : self.inputs].reshape(1, -1, self.inputs).expand(self.members, -1, -1)
        )  # (K, M, I)
        for layer in (self.first, self.second):
            x = layer(x)
            x = F.silu(F.layer_norm(x, x.shape[-1:]))
        return self.last(x).unflatten(1, shape or (1,))  # (K, ..., bins)


@final
class Decoder(nn.Module):
    """Latent to frames."""

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__()
        self._edge = config.image_size // 16
        sizes = [*reversed(config.channels), 3 * config.cameras]
        self.expand = nn.Sequential(
            nn.LayerNorm(inputs),
            nn.Linear(inputs, sizes[0] * self._edge**2),
        )
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.ReLU(inplace=True), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5] of latents (B, D)."""
        x = self.expand(z).unflatten(-1, (-1, self._edge, self._edge))
        return self.layers(x.to(memory_format=torch.channels_last))
