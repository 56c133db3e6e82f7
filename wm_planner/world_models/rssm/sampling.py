"""Discrete variables, sampled so that gradients pass, and how far two beliefs are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.world_models.rssm.network import RSSM


class Unrolled(NamedTuple):
    """Latents one after another, and what was believed of their discrete variables."""

    latents: Tensor  # (B, T, D)
    logs: Tensor  # (B, T, G, C) log probabilities of their discrete variables


def exponential(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Noise to sample with, of the device and type of `like`; the generator is a processor's."""
    return torch.empty(shape).exponential_(generator=generator).to(like)


def sample(logs: Tensor, noise: Tensor) -> Tensor:
    """One-hot variables (..., G * C) of log probabilities (..., G, C) and exponential noise.

    Gradients pass as if they were the probabilities (straight-through, Bengio 2013,
    arXiv:1308.3432).
    """
    chances = logs.exp()
    chosen = (chances / noise).argmax(-1, keepdim=True)
    drawn = torch.zeros_like(chances).scatter_(-1, chosen, 1.0)
    return (drawn + chances - chances.detach()).flatten(-2)


def divergence(wanted: Tensor, believed: Tensor) -> Tensor:
    """Kullback-Leibler divergence (...) in nats, of log probabilities (..., G, C) of both."""
    return (wanted.exp() * (wanted - believed)).sum((-2, -1))


def follow(
    model: RSSM, glimpses: Mapping[int, Tensor], actions: Tensor, noise: Tensor | None
) -> Unrolled:
    """What is believed at each of T + 1 states, between which actions (B, T, A) are taken.

    `glimpses` holds features (B, E) of the frames that are seen, by state, the first among them;
    what is not seen is foreseen. `noise` is (T + 1, B, G, C); None: nothing is sampled, latents
    hold the probabilities themselves.
    """
    h = model.begin(glimpses[0])
    latents: list[Tensor] = []
    logs = []
    for t in range(actions.shape[1] + 1):
        if t:
            h = model.remember(latents[-1], actions[:, t - 1])
        seen = t in glimpses
        logs.append(model.inferred(h, glimpses[t]) if seen else model.predicted(h))
        discrete = logs[-1].exp().flatten(-2) if noise is None else sample(logs[-1], noise[t])
        latents.append(torch.cat([h, discrete], dim=-1))
    return Unrolled(torch.stack(latents, 1), torch.stack(logs, 1))
