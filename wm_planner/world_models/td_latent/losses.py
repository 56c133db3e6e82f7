"""How the latent, its dynamics and its heads are learned together."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.detours import DetourLosses, detour_losses
from wm_planner.world_models.family import LossConfig, Losses
from wm_planner.world_models.head_losses import (
    landmark_loss,
    move_towards,
    picture_loss,
    prior_loss,
    reward_loss,
    success_loss,
    value_loss,
)
from wm_planner.world_models.td_latent.network import TDLatent


@dataclass(frozen=True)
class TDLatentLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        consistency: imagined latent against the encoded one.
        reward: imagined reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows, or what hindsight tells of keyframes.
        detour: value of where other actions would have led, see `detour_losses`.
        displaced: landmarks there.
        decoder: frames, from detached latents.
        success: whether an action ended the task well, from detached latents.
        decay: weight of a step relative to the one before.
        target_rate: of the value target's moving average.
        latent_noise: standard deviation of Gaussian noise on the latent an imagination starts from,
            whose targets stay clean: so the dynamics learn to correct errors such as their own
            (Sanchez-Gonzalez 2020, arXiv:2002.09405; Valevski 2024, arXiv:2408.14837); 0 for none.
    """

    consistency: float = 20.0
    reward: float = 5.0
    value: float = 5.0
    prior: float = 0.5
    landmarks: float = 5.0
    detour: float = 5.0
    displaced: float = 5.0
    decoder: float = 1.0
    success: float = 0.2
    decay: float = 0.7
    target_rate: float = 0.02
    latent_noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.latent_noise < math.inf:
            raise UserError(f"latent_noise is {self.latent_noise}, expected finite and 0 or more")


@final
class TDLatentLosses(Losses[TDLatent]):
    """Unrolls the dynamics over a few steps, and asks that they meet what is encoded then."""

    def __init__(self, model: TDLatent, config: TDLatentLossConfig) -> None:
        super().__init__(model)
        self.config = config
        self.target_value = copy.deepcopy(model.value).requires_grad_(False)

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator is that of latent noise."""
        model = self.model
        horizon = batch.actions.shape[1]
        first = model.embed(batch.images[:, 0], batch.proprio[:, 0], batch.instruction)
        with torch.no_grad():
            later = model.embed(batch.images[:, 1:], batch.proprio[:, 1:], batch.told)
            encoded = torch.cat([first[:, None], later], 1)  # (B, T + 1, D)
            expected = self.target_value(encoded).float()  # (K, B, T + 1)
        z, imagined = self._disturbed(first, generator), [first]
        for t in range(horizon):
            z = model.step(z, batch.actions[:, t])
            imagined.append(z)
        latents = torch.stack(imagined, 1)  # (B, T + 1, D)
        weight = self.config.decay ** torch.arange(horizon + 1, device=z.device)
        weight = weight / weight.sum()  # (T + 1,)

        def unrolled(loss: Tensor) -> Tensor:
            """Mean over the batch, sum over steps, those far ahead less."""
            return (loss * weight[: loss.shape[1]]).mean(0).sum()

        detours = self._detours(first, batch, expected, generator)
        drawn = slice(0, max(1, len(first) // 4))  # pictures only serve people: a quarter will do
        before, after = latents[:, :-1], latents[:, 1:]
        return {
            "consistency": unrolled((after - encoded[:, 1:]).float().pow(2).mean(-1)),
            "reward": unrolled(reward_loss(model, after, batch)),
            "value": unrolled(value_loss(model, before, expected, batch)),
            "prior": unrolled(prior_loss(model, before, expected, batch)),
            "landmarks": unrolled(landmark_loss(model, latents, batch)),
            "detour": unrolled(detours.value),
            "displaced": unrolled(detours.landmarks),
            "decoder": picture_loss(model, first[drawn].detach(), batch.images[drawn, 0]),
            "success": success_loss(model, encoded[:, 1:], batch),
        }

    def after_update(self) -> None:
        """Move the value's target towards the value."""
        model = self.model
        move_towards(self.target_value, model.value, self.config.target_rate)

    def _detours(
        self, first: Tensor, batch: Batch, expected: Tensor, generator: torch.Generator
    ) -> DetourLosses:
        if self.config.detour or self.config.displaced:
            return detour_losses(self.model, first, batch, expected, generator)
        nothing = first.new_zeros(batch.rewards.shape)
        return DetourLosses(nothing, nothing)

    def _disturbed(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Latents (B, D) that are off by as much as imagined ones will be."""
        noise = self.config.latent_noise
        return z + noise * torch.randn(z.shape, generator=generator).to(z) if noise > 0 else z
