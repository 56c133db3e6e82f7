"""Discrete variables, sampled so that gradients pass, and how far two beliefs are apart."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.world_models.rssm.network import RSSM


class Unrolled(NamedTuple):
    """Latents one after another, and what was believed of their discrete variables."""

    latents: Tensor  # (B, T, D), sampled
    logs: Tensor  # (B, T, G, C) log probabilities they were sampled from


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


def follow(model: RSSM, embedded: Tensor, actions: Tensor, noise: Tensor) -> Unrolled:
    """What is believed after each frame, from features (B, T + 1, E) and actions (B, T, A).

    `noise` is (T + 1, B, G, C).
    """
    frames = embedded.unbind(1)
    h = model.begin(frames[0])
    latents: list[Tensor] = []
    logs = []
    for t, frame in enumerate(frames):
        if t:
            h = model.remember(latents[-1], actions[:, t - 1])
        logs.append(model.inferred(h, frame))
        latents.append(torch.cat([h, sample(logs[-1], noise[t])], dim=-1))
    return Unrolled(torch.stack(latents, 1), torch.stack(logs, 1))


def foresee(model: RSSM, z: Tensor, actions: Tensor, noise: Tensor) -> Unrolled:
    """What is believed after each action (B, T, A) from latents (B, D) on, no frame being seen.

    `noise` is (T, B, G, C).
    """
    latents, logs = [], []
    for action, drawn in zip(actions.unbind(1), noise, strict=True):
        h = model.remember(z, action)
        logs.append(model.predicted(h))
        z = torch.cat([h, sample(logs[-1], drawn)], dim=-1)
        latents.append(z)
    return Unrolled(torch.stack(latents, 1), torch.stack(logs, 1))
