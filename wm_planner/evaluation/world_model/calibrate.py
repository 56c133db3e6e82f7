"""Measures the scale of surprise: errors of one step while the planner drives and nothing is wrong.

On seeds of their own, so that those of evaluation stay unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.evaluation.world_model.recording import Encoded, Pilot, each, encode, record
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.monitoring.picture_change import (
    PictureChange,
    frame_error,
    no_change,
    patch_spread,
    picture_change,
)
from wm_planner.monitoring.surprise import Percentiles, SurpriseScale, latent_error

SEEDS = range(4_000_000, 5_000_000)  # neither trained nor evaluated on
_LEAST_SPREAD = 0.1  # of the median: a number that hardly errs must not count without bound
_ROUNDING = 1e-4  # of the largest spread: less is no error, as of a memory that frames do not mend


class StepErrors(NamedTuple):
    """Of M single steps; V is 0 for a model that does not decode."""

    latents: Tensor  # (M, D) predicted minus encoded
    pictures: PictureChange  # (M, V, G, G)


@torch.inference_mode()
def measure_scale(
    envs: Sequence[ManipulationEnv],
    world_model: WorldModel,
    pilot: Pilot,
    episodes: int,
    steps: int,
    sha256: str,
    vocabulary: Sequence[str] = (),
) -> SurpriseScale:
    """From `episodes` episodes of `steps` control steps, as many side by side as there are envs."""
    found = []
    for first in tqdm(range(0, episodes, len(envs)), desc="calibrate", unit="batch"):
        seeds = SEEDS[first : min(first + len(envs), episodes)]
        own, label = envs[: len(seeds)], "clean episodes"
        recording = record(own, pilot, list(seeds), steps, label, vocabulary)
        found.append(one_step_errors(world_model, encode(world_model, recording, label)))
    return fit_scale(_joined(found), sha256)


@torch.inference_mode()
def one_step_errors(world_model: WorldModel, encoded: Encoded) -> StepErrors:
    """Of every step of the episodes."""
    found = []
    images = encoded.recording.images
    for t in range(encoded.recording.actions.shape[1]):
        now = each(encoded.latents, lambda part, t=t: part[:, t])  # type: ignore[misc]
        predicted = world_model.advance(now, encoded.recording.actions[:, t])
        pictures = no_change(0)
        if isinstance(world_model, Decodable):
            decoded = world_model.decode(now), world_model.decode(predicted)
            pictures = picture_change(images[:, t], images[:, t + 1], *decoded)
        found.append(StepErrors(predicted.z - encoded.latents.z[:, t + 1], pictures))
    return _joined(found)


def fit_scale(errors: StepErrors, sha256: str) -> SurpriseScale:
    """The scale in whose units these errors are clean."""
    spread = errors.latents.square().mean(0).sqrt()
    errs = spread[spread > _ROUNDING * spread.max()]
    spread = spread.clamp_min(float(_LEAST_SPREAD * errs.median()))
    sizes = latent_error(errors.latents, torch.zeros_like(errors.latents), spread)
    patches = patch_spread(errors.pictures.error)  # (V, G, G)
    frames = frame_error(errors.pictures, patches)  # (M, V)
    return SurpriseScale(
        tuple(_short(value) for value in spread.tolist()),
        _percentiles(sizes),
        tuple(_percentiles(camera) for camera in frames.unbind(1)),
        tuple(tuple(_short(value) for value in camera.flatten().tolist()) for camera in patches),
        len(errors.latents),
        sha256,
    )


def _joined(parts: Sequence[StepErrors]) -> StepErrors:
    latents, pictures = zip(*parts, strict=True)
    joined = (torch.cat(kind) for kind in zip(*pictures, strict=True))
    return StepErrors(torch.cat(latents), PictureChange(*joined))


def _percentiles(errors: Tensor) -> Percentiles:
    wanted = torch.tensor([0.5, 0.95, 0.99, 0.999])
    return Percentiles(*(_short(value) for value in errors.quantile(wanted).tolist()))


def _short(value: float) -> float:
    return float(f"{value:.4g}")
