"""How the heads that all families share are trained."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.heads import PriorParameters
from wm_planner.world_models.latent_model import LatentModel

SUCCESS_WEIGHT = 20.0  # of a success among moments that are none: there is one in an episode


def reward_loss(model: LatentModel, latents: Tensor, batch: Batch) -> Tensor:
    """(B, T) at the latents (B, T, D) after each action."""
    return model.read.loss(model.reward(latents), batch.rewards)


def value_loss(model: LatentModel, latents: Tensor, expected: Tensor, batch: Batch) -> Tensor:
    """(B, T) at latents (B, T, D), against the better of bootstrapped and observed return.

    `expected` (K, B, T + 1) is what a slowly following target says: the smaller of two heads.
    """
    discount = model.config.discount
    following = expected[:2, :, 1:].amin(0)  # (B, T)
    target = (1 - discount) * batch.rewards + discount * following
    target = torch.maximum(target, batch.returns[:, :-1])
    return model.value.read.loss(model.value.outputs(latents), target).mean(0)


def prior_loss(model: LatentModel, latents: Tensor, expected: Tensor, batch: Batch) -> Tensor:
    """(B, T) at latents (B, T, D): imitate labels.

    Without one, the action taken, as far as it did better than `expected` (K, B, T + 1).
    """
    labelled = batch.labels.isfinite().all(-1)  # (B, T)
    wanted = torch.where(labelled[..., None], batch.labels, batch.actions)
    better = batch.returns[:, :-1] - expected[:, :, :-1].mean(0)
    importance = torch.where(labelled, 1.0, better.mul(20.0).clamp(-4, 1).exp())
    return imitation(model.prior.at(latents), model.prior.is_switch, wanted) * importance


def imitation(prior: PriorParameters, is_switch: Tensor, wanted: Tensor) -> Tensor:
    """(...) how far a prior is from doing what is `wanted` (..., A); is_switch (A,) bool."""
    error = prior.mean - wanted
    spread = 0.5 * (error.detach() / prior.std).pow(2) + prior.std.log()
    continuous = 4.0 * error.pow(2) + 0.3 * spread
    side = F.binary_cross_entropy_with_logits(prior.logit, (wanted > 0).float(), reduction="none")
    return torch.where(is_switch, side, continuous).sum(-1)


def landmark_loss(model: LatentModel, latents: Tensor, batch: Batch) -> Tensor:
    """(B, T + 1) at latents (B, T + 1, D); zero where a simulation did not say."""
    if model.landmarks is None or not batch.landmarks.shape[-1]:
        return latents.new_zeros(latents.shape[:-1])
    known = batch.landmarks.isfinite().all(-1)
    wanted = batch.landmarks.nan_to_num()
    found = model.landmarks(latents).float()
    return F.smooth_l1_loss(found, wanted, reduction="none", beta=0.2).sum(-1) * known


def success_loss(model: LatentModel, latents: Tensor, batch: Batch) -> Tensor:
    """() at the latents (B, T, D) after each action; it never shapes them."""
    if model.success is None:
        return latents.new_zeros(())
    logit = model.success(latents.detach())[..., 0].float()
    weight = logit.new_tensor(SUCCESS_WEIGHT)
    return F.binary_cross_entropy_with_logits(logit, batch.success, pos_weight=weight)


def picture_loss(model: LatentModel, latents: Tensor, images: Tensor) -> Tensor:
    """() squared error of what latents (B, D) show, of frames (B, V, C, h, w) uint8."""
    frames = rearrange(images, "b v c h w -> b (v c) h w").float() / 255 - 0.5
    return (model.decoder(latents).float() - frames).pow(2).mean()


def move_towards(target: nn.Module, online: nn.Module, rate: float) -> None:
    """Move the weights of a target that follows slowly; rate 1 makes it the same."""
    for slow, now in zip(target.parameters(), online.parameters(), strict=True):
        slow.data.lerp_(now.data, rate)
