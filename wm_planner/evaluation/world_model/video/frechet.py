"""Frechet distance of imagined and true frames, in the features of an encoder of our own.

Heusel 2017 (arXiv:1706.08500), with an encoder that was trained on this robot in place of
Inception. It falls with the number of samples: compare it only at equal numbers, and beside the
distance between two halves of the true frames, which is what chance leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wm_planner.evaluation.world_model.video.reel import Reel, decoded_encoding
from wm_planner.interfaces import WorldModel
from wm_planner.types import Observation

_MOST = 600  # frames of each kind


class Encoder(NamedTuple):
    """In whose features frames are compared."""

    name: str
    world_model: WorldModel
    image_size: int  # pixels, of the frames it takes

    def features(self, seen: Observation) -> Tensor:
        """Of frames of any size, (B, F)."""
        images = seen.images.float().flatten(0, 1)  # (B * V, C, h, w)
        resized = F.interpolate(images, (self.image_size, self.image_size), mode="area")
        images = resized.round().to(torch.uint8).unflatten(0, seen.images.shape[:2])
        return self.world_model.encode(seen._replace(images=images)).z.flatten(1)


class Frechet(NamedTuple):
    """Distances between Gaussians fitted to features."""

    features: str  # whose encoder
    samples: int  # frames of each kind
    imagined: float  # to the true frames
    floor: float  # of the true frames, encoded and decoded
    chance: float  # of one half of the true episodes to the other


@torch.inference_mode()
def frechet(encoder: Encoder, world_model: WorldModel, reels: Sequence[Reel]) -> Frechet:
    """Of frames evenly spread over all imaginations; `encoder` sees what `world_model` imagines.

    With each frame the encoder is told the joints of the true one: only pictures differ. Words are
    for the model that learned them.
    """
    kinds: tuple[list[Tensor], ...] = ([], [], [])  # real, imagined, floor
    halves: list[Tensor] = []
    moments = [(reel, k) for reel in reels for k in range(1, reel.steps + 1)]
    frames = sum(len(reel.imagined) for reel, _ in moments)
    for reel, k in moments[:: max(1, -(-frames // _MOST))]:
        there = reel.truth.recording.observation(reel.start + k)
        told = there.instruction if encoder.world_model is world_model else None
        shown = (reel.real(k), reel.imagined[:, k], decoded_encoding(world_model, reel, k))
        for kind, images in zip(kinds, shown, strict=True):
            kind.append(encoder.features(Observation(images, there.proprio, told)))
        halves.append(torch.arange(len(there.proprio)) % 2)
    true, guess, floor = map(torch.cat, kinds)
    half = torch.cat(halves)
    return Frechet(
        encoder.name,
        len(true),
        distance(guess, true),
        distance(floor, true),
        distance(true[half == 0], true[half == 1]),
    )


def distance(a: Tensor, b: Tensor) -> float:
    """Between Gaussians fitted to features (N, D) and (M, D)."""
    if min(len(a), len(b)) < 2:
        return float("nan")
    a, b = a.double(), b.double()
    first, second = torch.cov(a.T), torch.cov(b.T)
    root = _root(first)
    overlap = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float((apart + first.trace() + second.trace() - 2 * overlap).clamp_min(0))


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
