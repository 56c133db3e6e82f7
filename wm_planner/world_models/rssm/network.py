"""A recurrent state-space model: a memory, and discrete variables for what it cannot foresee.

PlaNet (Hafner 2019, arXiv:1811.04551), Dreamer V1 to V3 (arXiv:1912.01603, 2010.02193, 2301.04104).
Differences: networks small enough to learn on a processor; at run time nothing is sampled, so that
a plan repeats to the bit, nor while learning, unless that is asked for.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.encoder import make_encoder
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.layers import mlp
from wm_planner.world_models.rssm.config import RSSMConfig

_FIRM = 3.0  # standard deviation of the logits of first beliefs


@final
class NormedGRU(nn.Module):
    """A GRU cell with layer normalisation, as of Dreamer V2 (arXiv:2010.02193)."""

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + size, 3 * size, bias=False)
        self.norm = nn.LayerNorm(3 * size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Next state (..., N) of inputs (..., I) and the last state (..., N)."""
        reset, candidate, update = self.norm(self.gates(torch.cat([x, h], dim=-1))).chunk(3, dim=-1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        update = torch.sigmoid(update - 1)  # at first it remembers
        return torch.lerp(h, candidate, update)


@final
class RSSM(LatentModel):
    """A latent is the memory h (..., N), then G one-hot variables of C classes (..., G * C)."""

    config: RSSMConfig

    def __init__(self, config: RSSMConfig) -> None:
        super().__init__(config)
        c = config
        discrete = c.groups * c.classes
        self.encoder = make_encoder(c)
        self.seen = nn.Linear(self.encoder.features, c.hidden_size)
        self.believed = nn.Linear(c.memory_size, c.hidden_size, bias=False)
        firm = nn.Linear(c.hidden_size, discrete)
        nn.init.normal_(firm.weight, std=_FIRM * c.hidden_size**-0.5)
        self.posterior = nn.Sequential(nn.LayerNorm(c.hidden_size), nn.SiLU(), firm)
        self.done = nn.Sequential(
            nn.Linear(discrete + c.action_size, c.dynamics_size),
            nn.LayerNorm(c.dynamics_size),
            nn.SiLU(),
        )
        self.memory = NormedGRU(c.dynamics_size, c.memory_size)
        self.foreseen = mlp(c.memory_size, c.dynamics_size, discrete, depth=1)
        self.beginning = nn.Parameter(torch.zeros(c.memory_size))
        self.body = mlp(c.latent_size, c.hidden_size, c.proprio_size, depth=1)
        self.add_heads(c.latent_size, prior_from=0 if c.prior_recalls else c.memory_size)
        self._begin_with_contrast()

    def _begin_with_contrast(self) -> None:
        """Initial weights with which frames that differ give beliefs that differ.

        With PyTorch's, frames hardly change what comes out of the last convolution, and everything
        learns to do without. So ReLU layers keep the size of what they are given (He 2015,
        arXiv:1502.01852), and first beliefs are firm.
        """
        down = [x for x in self.encoder.modules() if isinstance(x, nn.Conv2d)]
        up = [x for x in self.decoder.modules() if isinstance(x, nn.ConvTranspose2d)]
        for layers, heard in ((down, 16), (up[:-1], 4)):  # pixels that an output pixel hears of
            for layer in layers:
                nn.init.normal_(layer.weight, std=(2 / (heard * layer.in_channels)) ** 0.5)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def embed(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Features (..., E) of images (..., V, C, h, w) uint8 and proprio (..., P)."""
        return self.seen(self.encoder(images, proprio, instruction))

    def correct(self, foreseen: Tensor | None, embedded: Tensor) -> Tensor:
        """What was foreseen keeps its memory; the discrete variables are inferred from both."""
        h = self.begin(embedded) if foreseen is None else foreseen[..., : self.config.memory_size]
        return torch.cat([h, self._read(self._inferred(h, embedded))], dim=-1)

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Next latent (..., D)."""
        h = self.remember(z, action)
        return torch.cat([h, self._read(self._chances(self.foreseen(h)))], dim=-1)

    def begin(self, embedded: Tensor) -> Tensor:
        """The memory (..., N) before the first frame, for features (..., E)."""
        return self.beginning.to(embedded.dtype).expand(*embedded.shape[:-1], -1)

    def remember(self, z: Tensor, action: Tensor) -> Tensor:
        """The memory (..., N) a step after latents (..., D)."""
        h, discrete = z.tensor_split([self.config.memory_size], dim=-1)
        return self.memory(self.done(torch.cat([discrete, action], dim=-1)), h)

    def predicted(self, h: Tensor) -> Tensor:
        """Log probabilities (..., G, C) of the discrete variables, given the memory alone."""
        return self._chances(self.foreseen(h)).log()

    def inferred(self, h: Tensor, embedded: Tensor) -> Tensor:
        """Log probabilities (..., G, C) given the memory, and features (..., E) of a frame."""
        return self._inferred(h, embedded).log()

    def _inferred(self, h: Tensor, embedded: Tensor) -> Tensor:
        return self._chances(self.posterior(embedded + self.believed(h)))

    def _chances(self, outputs: Tensor) -> Tensor:
        """Probabilities (..., G, C), none of them zero."""
        c = self.config
        chances = outputs.unflatten(-1, (c.groups, c.classes)).softmax(-1)
        return (1 - c.unimix) * chances + c.unimix / c.classes

    def _read(self, chances: Tensor) -> Tensor:
        """What stands for the discrete variables (..., G * C) where nothing is sampled."""
        if self.config.mode:
            chances = F.one_hot(chances.argmax(-1), chances.shape[-1]).to(chances.dtype)
        return chances.flatten(-2)
