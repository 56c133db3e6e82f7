"""Frames that are drawn from noise.

Flow matching (Lipman 2022, arXiv:2210.02747) that predicts the clean frame, after DIAMOND
(arXiv:2405.12399) and Oasis.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from wm_planner.noise import Generators, normal
from wm_planner.types import Latent
from wm_planner.world_models.flow.config import FlowConfig
from wm_planner.world_models.flow.tokenizer import Tokenizer
from wm_planner.world_models.latent_model import one_by_one
from wm_planner.world_models.video_model import Coming, VideoModel

_BY_CHANCE = 4  # steps from noise to one of several frames that may come


@final
class Flow(VideoModel):
    """A token of the next frame begins as noise, and what is told of it is how it changes."""

    config: FlowConfig
    noise: Tensor  # (S, K)

    def __init__(self, config: FlowConfig) -> None:
        c = config
        super().__init__(c, Tokenizer(c), begun=c.token_size, told=c.token_size)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(c.tokens, c.token_size, generator=generator)
        self.register_buffer("noise", noise, persistent=False)

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Latent (..., D) with the frame generated."""
        lead = z.shape[:-1]
        z, action = z.flatten(0, -2), action.flatten(0, -2)
        noise = self.noise.to(z.dtype).expand(len(z), -1, -1)
        return self._after(z, action, noise, self.config.samples).unflatten(0, lead)

    def sample(self, latent: Latent, action: Tensor, generator: Generators) -> Latent:
        """A latent (B, D) one step later, after `action` (B, A): one that may come, by chance.

        `step` always begins with the same noise, and is the same each time.
        """
        noise = normal((len(action), *self.noise.shape), generator, action.device)

        def one(z: Tensor, a: Tensor, e: Tensor) -> tuple[Tensor]:
            return (self._after(z, a, e, max(_BY_CHANCE, self.config.samples)),)

        return Latent(*one_by_one(one, latent.z, action, noise))

    def generate(self, coming: Coming, noisy: Tensor, time: Tensor) -> Tensor:
        """The clean next frame (M, S, K) of a noisy one, `time` (M, 1) of 1 from noise to it."""
        changed = coming.window.now + self.drafted(coming, noisy, time)
        latents = changed.unflatten(-1, (-1, self.config.latent_channels))
        return self.tokenizer.bounded(latents).flatten(-2)

    def _after(self, z: Tensor, action: Tensor, noise: Tensor, steps: int) -> Tensor:
        """Latents (M, D) with a frame drawn from noise (M, S, K), by so many of Euler's steps."""

        def draw(coming: Coming) -> Tensor:
            frame = noise
            for i in range(steps):
                time = torch.full_like(action[:, :1], i / steps)
                frame = torch.lerp(frame, self.generate(coming, frame, time), 1 / (steps - i))
            return frame

        return self.after(z, action, draw)
