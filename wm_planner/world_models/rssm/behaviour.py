"""The action prior and the values, learned from what the model imagines (arXiv:2301.04104)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wm_planner.world_models.heads import ValueEnsemble
from wm_planner.world_models.rssm.network import RSSM
from wm_planner.world_models.rssm.sampling import exponential, sample

_LAMBDA = 0.95  # of the returns: share of what follows that is imagined, not believed
_RANGE = (0.05, 0.95)  # quantiles of the returns, the distance of which is a unit of advantage


class Imagined(NamedTuple):
    """S states and H actions that the prior draws from each on, without gradients."""

    latents: Tensor  # (S, H + 1, D)
    actions: Tensor  # (S, H, A); of a Gaussian, before it is clamped
    returns: Tensor  # (S, H) from each state on, scaled by 1 - discount
    values: Tensor  # (S, H) that were expected from there


@torch.no_grad()
def imagine(
    model: RSSM,
    target: ValueEnsemble,
    z: Tensor,
    horizon: int,
    generator: torch.Generator,
    sampled: bool,
) -> Imagined:
    """Follow the prior from latents (S, D); `target` says what comes after `horizon` steps."""
    c = model.config
    shape = (horizon, len(z), c.action_size)
    normal = torch.randn(shape, generator=generator).to(z)
    uniform = torch.rand(shape, generator=generator).to(z)
    noise = exponential((horizon, len(z), c.groups, c.classes), generator, z)
    latents, actions = [z], []
    for t in range(horizon):
        prior = model.prior.at(z)
        moved = prior.mean + prior.std * normal[t]
        valid = model.prior.sample(prior, normal[t], uniform[t])
        actions.append(torch.where(model.prior.is_switch, valid, moved))
        z = model.step(z, valid)
        if sampled:
            h = z[:, : c.memory_size]
            z = torch.cat([h, sample(model.predicted(h), noise[t])], dim=-1)
        latents.append(z)
    states = torch.stack(latents, 1)
    rewards = model.read(model.reward(states[:, 1:])).float()
    values = target(states).float().mean(0)  # (S, H + 1)
    returns = lambda_returns(rewards, values, c.discount)
    return Imagined(states, torch.stack(actions, 1), returns, values[:, :-1])


def lambda_returns(rewards: Tensor, values: Tensor, discount: float) -> Tensor:
    """Returns (S, H), scaled by 1 - discount, of rewards (S, H) and values (S, H + 1)."""
    following, returns = values[:, -1], []
    for t in reversed(range(rewards.shape[1])):
        mixed = (1 - _LAMBDA) * values[:, t + 1] + _LAMBDA * following
        following = (1 - discount) * rewards[:, t] + discount * mixed
        returns.append(following)
    return torch.stack(returns[::-1], 1)


def actor_loss(model: RSSM, imagined: Imagined, entropy: float) -> Tensor:
    """(): make likely what did better than was expected (REINFORCE), and stay curious."""
    prior, switch = model.prior.at(imagined.latents[:, :-1]), model.prior.is_switch
    side = (imagined.actions > 0).float()
    logit = prior.logit.masked_fill(~switch, 0.0)
    at_switch = -F.binary_cross_entropy_with_logits(logit, side, reduction="none")
    z = (imagined.actions - prior.mean) / prior.std
    moved = -0.5 * z.square() - prior.std.log()
    likely = torch.where(switch, at_switch, moved).sum(-1)  # (S, H)
    chance = torch.sigmoid(logit)
    unsure = F.binary_cross_entropy_with_logits(logit, chance, reduction="none")
    spread = torch.where(switch, unsure, prior.std.log() + 0.5 * math.log(2 * math.pi * math.e))
    return -(_advantage(model, imagined) * likely + entropy * spread.sum(-1)).mean()


def critic_loss(model: RSSM, imagined: Imagined) -> Tensor:
    """(): values at imagined states."""
    outputs = model.value.outputs(imagined.latents[:, :-1])
    return model.value.read.loss(outputs, imagined.returns).mean()


def _advantage(model: RSSM, imagined: Imagined) -> Tensor:
    """(S, H), in units of the range of returns, if that is more than a reward's worth."""
    low, high = imagined.returns.quantile(imagined.returns.new_tensor(_RANGE))
    unit = (high - low).clamp_min(1 - model.config.discount)
    return (imagined.returns - imagined.values) / unit
