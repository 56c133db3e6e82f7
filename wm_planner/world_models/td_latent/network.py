"""A latent world model trained by temporal differences, after TD-MPC2 (arXiv:2310.16828).

Differences: a state value instead of an action value, so that planning without the prior never
asks the prior; rewards predicted from the latent they are paid in; a Gaussian and Bernoulli prior
trained by imitation; landmarks predicted from the latent, where a simulation knows them.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from wm_planner.world_models.encoder import make_encoder
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.layers import SimNorm, mlp
from wm_planner.world_models.td_latent.config import TDLatentConfig


@final
class TDLatent(LatentModel):
    """Convolutional encoder of single frames, and an MLP for the latent's dynamics."""

    config: TDLatentConfig

    def __init__(self, config: TDLatentConfig) -> None:
        super().__init__(config)
        c = config
        self.encoder = make_encoder(c)
        self.fuse = nn.Sequential(
            mlp(self.encoder.features, c.hidden_size, c.latent_size, depth=1), SimNorm()
        )
        self.dynamics = nn.Sequential(
            mlp(c.latent_size + c.action_size, c.hidden_size, c.latent_size), SimNorm()
        )
        self.add_heads(c.latent_size)

    def embed(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Latents (..., D) of images (..., V, C, h, w) uint8 and proprio (..., P)."""
        return self.fuse(self.encoder(images, proprio, instruction))

    def correct(self, foreseen: Tensor | None, embedded: Tensor) -> Tensor:
        """What is seen; this family has no memory, `foreseen` is not used."""
        return embedded

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Next latent (..., D)."""
        return self.dynamics(torch.cat([z, action], dim=-1))
