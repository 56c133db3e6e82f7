"""How the latent world model learns: a LightningModule."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from einops import rearrange
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.learning.sequences import Batch
from wm_planner.world_models.td_latent import TDLatent

LOGGED_EVERY = 25  # updates; losses are written so often
_STEEPEST = 10.0  # norm of the gradient


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses and of the optimiser.

    Attributes:
        consistency: imagined latent against the encoded one.
        reward: imagined reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows.
        decoder: frames, from detached latents.
        decay: weight of a step relative to the one before.
        learning_rate: peak of AdamW's, cosine to zero.
        weight_decay: of AdamW.
        target_rate: of the value target's moving average.
        latent_noise: standard deviation of Gaussian noise on the latent an imagination starts from,
            whose targets stay clean: so the dynamics learn to correct errors such as their own
            (Sanchez-Gonzalez 2020, arXiv:2002.09405; Valevski 2024, arXiv:2408.14837); 0 for none.
    """

    consistency: float = 20.0
    reward: float = 5.0
    value: float = 5.0
    prior: float = 0.5
    landmarks: float = 2.0
    decoder: float = 1.0
    decay: float = 0.7
    learning_rate: float = 6e-4
    weight_decay: float = 1e-3
    target_rate: float = 0.02
    latent_noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.latent_noise < math.inf:
            raise UserError(f"latent_noise is {self.latent_noise}, expected finite and 0 or more")


class TDLatentModule(pl.LightningModule):
    """Trains a TDLatent on batches of sequences.

    An update is a function of the weights, the batch, the seed and its number: between two updates
    a checkpoint holds all there is.
    """

    def __init__(
        self, world_model: TDLatent, config: LossConfig, updates: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.world_model = world_model
        self.config = config
        self.updates, self.seed = updates, seed
        self.target_value = copy.deepcopy(world_model.value).requires_grad_(False)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        c = self.config
        decoder = list(self.world_model.decoder.parameters())
        others = [p for p in self.world_model.parameters() if all(p is not d for d in decoder)]
        groups: list[dict[str, Any]] = [
            {"params": others},
            {"params": decoder, "lr": 4 * c.learning_rate},
        ]
        optimizer = torch.optim.AdamW(
            groups, c.learning_rate, weight_decay=c.weight_decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate(self, update: int) -> float:
        warm_up = min(1.0, (update + 1) / 100)
        return warm_up * 0.5 * (1 + math.cos(math.pi * min(1.0, update / self.updates)))

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        nn.utils.clip_grad_norm_(self.world_model.parameters(), _STEEPEST)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        losses = self.losses(batch, _generator(self.seed, self.global_step))
        weights = vars(self.config)
        total = sum(weights[name] * loss for name, loss in losses.items())
        if (self.global_step + 1) % LOGGED_EVERY == 0:
            self.log_dict({f"loss/{k}": v.detach() for k, v in losses.items()})
            self.log("loss/total", total.detach(), prog_bar=True)
        return total

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        super().optimizer_step(*arguments, **named)
        self.follow()

    def follow(self) -> None:
        """Move the value's target towards the value."""
        for target, online in zip(
            self.target_value.parameters(), self.world_model.value.parameters(), strict=True
        ):
            target.data.lerp_(online.data, self.config.target_rate)

    def losses(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Unweighted losses by the name of their weight; the generator is that of latent noise."""
        model, horizon = self.world_model, batch.actions.shape[1]
        first = model.encode_frames(batch.images[:, 0], batch.proprio[:, 0])
        with torch.no_grad():
            later = model.encode_frames(batch.images[:, 1:], batch.proprio[:, 1:])
            encoded = torch.cat([first[:, None], later], 1)  # (B, T + 1, D)
            expected = self.target_value(encoded).float()  # (K, B, T + 1)
        z, imagined = self._disturbed(first, generator), [first]
        for t in range(horizon):
            z = model.step(z, batch.actions[:, t])
            imagined.append(z)
        latents = torch.stack(imagined, 1)  # (B, T + 1, D)
        weight = self.config.decay ** torch.arange(horizon + 1, device=z.device)
        weight = weight / weight.sum()  # (T + 1,)

        consistency = (latents[:, 1:] - encoded[:, 1:]).float().pow(2).mean(-1)
        reward = model.read.loss(model.reward(latents[:, 1:]), batch.rewards)  # (B, T)
        return {
            "consistency": (consistency * weight[:-1]).mean(0).sum(),
            "reward": (reward * weight[:-1]).mean(0).sum(),
            "value": self._value_loss(latents, expected, batch, weight),
            "prior": self._prior_loss(latents[:, :-1], expected, batch, weight[:-1]),
            "landmarks": self._landmark_loss(latents, batch, weight),
            "decoder": self._decoder_loss(encoded, batch),
        }

    def _disturbed(self, z: Tensor, generator: torch.Generator | None) -> Tensor:
        """Latents (B, D) that are off by as much as imagined ones will be."""
        noise = self.config.latent_noise
        return z + noise * torch.randn(z.shape, generator=generator).to(z) if noise > 0 else z

    def _value_loss(
        self, latents: Tensor, expected: Tensor, batch: Batch, weight: Tensor
    ) -> Tensor:
        """Against the better of the one-step target (min of two heads) and the observed return."""
        discount = self.world_model.config.discount
        following = expected[:2, :, 1:].amin(0)  # (B, T)
        target = (1 - discount) * batch.rewards + discount * following
        target = torch.maximum(target, batch.returns[:, :-1])
        value = self.world_model.value
        loss = value.read.loss(value.outputs(latents[:, :-1]), target)  # (K, B, T)
        return (loss * weight[:-1]).mean((0, 1)).sum()

    def _prior_loss(
        self, latents: Tensor, expected: Tensor, batch: Batch, weight: Tensor
    ) -> Tensor:
        """Imitate labels; without one, the action taken, as far as it did better than expected."""
        labelled = batch.labels.isfinite().all(-1)  # (B, T)
        wanted = torch.where(labelled[..., None], batch.labels, batch.actions)
        better = batch.returns[:, :-1] - expected[:, :, :-1].mean(0)
        importance = torch.where(labelled, 1.0, better.mul(20.0).clamp(-4, 1).exp()) * weight
        prior = self.world_model.prior_at(latents)
        switch = self.world_model.is_switch
        error = prior.mean - wanted
        spread = 0.5 * (error.detach() / prior.std).pow(2) + prior.std.log()
        continuous = 4.0 * error.pow(2) + 0.3 * spread
        side = F.binary_cross_entropy_with_logits(
            prior.logit, (wanted > 0).float(), reduction="none"
        )
        loss = torch.where(switch, side, continuous).sum(-1)  # (B, T)
        return (loss * importance).mean(0).sum()

    def _landmark_loss(self, latents: Tensor, batch: Batch, weight: Tensor) -> Tensor:
        head = self.world_model.landmarks
        known = batch.landmarks.isfinite().all(-1) if batch.landmarks.shape[-1] else None
        if head is None or known is None or not known.any():
            return latents.new_zeros(())
        wanted = batch.landmarks.nan_to_num()
        error = F.smooth_l1_loss(head(latents).float(), wanted, reduction="none", beta=0.2).sum(-1)
        return (error * known * weight).mean(0).sum()

    def _decoder_loss(self, encoded: Tensor, batch: Batch) -> Tensor:
        """On a quarter of the batch: it only serves pictures."""
        part = slice(0, max(1, len(encoded) // 4))
        frames = rearrange(batch.images[part, 0], "b v c h w -> b (v c) h w").float() / 255 - 0.5
        return (self.world_model.decoder(encoded[part, 0]).float() - frames).pow(2).mean()


def _generator(seed: int, update: int) -> torch.Generator:
    return torch.Generator().manual_seed(
        int(np.random.default_rng((seed, update, 1)).integers(2**63))
    )
