"""Decision quality: are the plans that the model thinks best the best ones?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.branches import Moment, latent_of
from wm_planner.evaluation.world_model.ranks import rank_correlation
from wm_planner.evaluation.world_model.recording import Encoded, each
from wm_planner.interfaces import WorldModel
from wm_planner.types import Latent

_ROUNDING = 1e-5  # of a return, relatively: float32, summed


class Decision(NamedTuple):
    """Over N candidate plans from each of M states, all executed; returns are discounted."""

    rank_correlation: float  # of imagined and real return, mean over the states
    pooled_rank_correlation: float  # over all plans of all states
    regret: float  # real return lost by the plan imagined best; share of best minus worst, mean
    random_regret: float  # of a plan chosen by chance
    imagined: Tensor  # (M, N)
    real: Tensor  # (M, N)


class Lemma(NamedTuple):
    """The simulation lemma beside what was measured, in units of return."""

    gap: float  # mean absolute difference of imagined return and that along the real states
    bound: float  # mean of the sums of one-step errors: never below the gap
    worst_case_bound: float  # from the largest one-step error of all
    one_step_error: float  # mean


@torch.inference_mode()
def candidate_plans(
    world_model: WorldModel,
    moments: Sequence[Moment],
    horizon: int,
    n: int,
    switches: tuple[int, ...],
    seed: int,
) -> Tensor:
    """Plans (M, n, H, A): the prior's own, samples of it, random ones, and ones in between."""
    generator = torch.Generator().manual_seed(seed)
    latent = latent_of(moments)
    share = max(1, n // 3)
    prior = world_model.propose(latent, share, horizon, generator)
    mean = prior.mean[:, None]  # (M, 1, H, A)
    m, _, _, a = mean.shape
    left = n - 1 - share
    drawn = 2 * torch.rand(m, left, 1, a, generator=generator) - 1  # held for the whole plan
    mixed = torch.arange(left)[:, None, None] % 2 == 0
    others = torch.where(mixed, 0.5 * mean + 0.5 * drawn, drawn.expand(-1, -1, horizon, -1))
    plans = torch.cat([mean, prior.actions, others], 1).clamp(-1, 1)
    for switch in switches:
        plans[..., switch] = torch.where(plans[..., switch] > 0, 1.0, -1.0)
    return plans


def decision(imagined: Tensor, real: Tensor) -> Decision:
    """From imagined and real returns (M, N) of the same plans.

    NaN of a model that imagines no returns, which are NaN. Where all plans of a state come to the
    same, but for rounding, no choice is regretted.
    """
    if imagined.shape != real.shape or real.ndim != 2:
        raise ValueError(f"{tuple(imagined.shape)} and {tuple(real.shape)}: expected (M, N) both")
    best, worst = real.amax(1), real.amin(1)
    spread = best - worst
    alike = spread <= _ROUNDING * best.abs().clamp_min(1.0)

    def lost(returns: Tensor) -> float:
        return float(((best - returns) / spread).masked_fill(alike, 0.0).mean())

    chosen = real.gather(1, imagined.argmax(1, keepdim=True))[:, 0]
    own = [rank_correlation(a, b) for a, b in zip(imagined, real, strict=True)]
    return Decision(
        sum(own) / len(own),
        rank_correlation(imagined, real),
        lost(chosen) if imagined.isfinite().any() else math.nan,
        lost(real.mean(1)),
        imagined,
        real,
    )


def discounted(rewards: Tensor, discount: float) -> Tensor:
    """Returns (...) of rewards (..., T), as if the last one were paid for ever after."""
    weights = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    weights[-1] /= 1 - discount
    return rewards @ weights


@torch.inference_mode()
def imagined_returns(
    world_model: WorldModel, moments: Sequence[Moment], plans: Tensor, discount: float
) -> Tensor:
    """Imagined rewards and the value after them, (M, N)."""
    return _return(world_model, latent_of(moments), plans, discount)


@torch.inference_mode()
def lemma(world_model: WorldModel, futures: Encoded, discount: float) -> Lemma:
    """Along executed plans of L + 1 actions, of which the first L are compared.

    The imagined return differs from the return along the real states by the sum of what each
    single step gets wrong, reward and value of the next latent, discounted: so by no more than
    the sum of their sizes. This is the simulation lemma (Kearns and Singh 2002, Machine Learning
    49) for a deterministic model, its transition error measured in return as the remaining plan
    sees it; the worst case takes the largest error for all steps.
    """
    actions, rewards = futures.recording.actions, futures.recording.rewards
    length = actions.shape[1] - 1
    returns = [  # of the remaining actions, from every real state
        _return_along(world_model, futures, k, actions[:, k:], discount) for k in range(length + 1)
    ]
    steps = []
    for k in range(length):
        expected = returns[k]
        came = rewards[:, k] + discount * returns[k + 1]
        steps.append((expected - came) * discount**k)
    errors = torch.stack(steps, 1)  # (B, L) discounted, signed
    undiscounted = errors.abs() / discount ** torch.arange(length)
    reach = (1 - discount**length) / (1 - discount)
    return Lemma(
        float(errors.sum(1).abs().mean()),
        float(errors.abs().sum(1).mean()),
        float(undiscounted.max() * reach),
        float(undiscounted.mean()),
    )


def _return_along(
    world_model: WorldModel, futures: Encoded, k: int, actions: Tensor, discount: float
) -> Tensor:
    """Imagined return (B,) of `actions` (B, L, A) from the real state at step k."""
    latent = each(futures.latents, lambda part: part[:, k])
    return _return(world_model, latent, actions[:, None], discount)[:, 0]


def _return(world_model: WorldModel, latent: Latent, plans: Tensor, discount: float) -> Tensor:
    rollout = world_model.rollout(latent, plans)
    rewards = rollout.rewards.float()
    weights = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    return rewards @ weights + discount ** rewards.shape[-1] * rollout.terminal_value.float()
