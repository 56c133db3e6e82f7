"""Measures the scale of surprise: errors of one step while the planner drives and nothing is wrong.

On seeds of their own, so that those of evaluation stay unseen.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.evaluation.world_model.recording import Encoded, Pilot, each, encode, record
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.types import Latent
from wm_planner.world_models.surprise import (
    Percentiles,
    SurpriseScale,
    frame_error,
    latent_error,
)

SEEDS = range(4_000_000, 5_000_000)  # neither trained nor evaluated on
_LEAST_SPREAD = 0.1  # of the median: a number that never errs must not count without bound


@torch.inference_mode()
def measure_scale(
    envs: Sequence[ManipulationEnv],
    world_model: WorldModel,
    pilot: Pilot,
    episodes: int,
    steps: int,
    sha256: str,
) -> SurpriseScale:
    """From `episodes` episodes of `steps` control steps, as many side by side as there are envs."""
    differences, frames = [], []
    for first in tqdm(range(0, episodes, len(envs)), desc="calibrate", unit="batch"):
        seeds = SEEDS[first : min(first + len(envs), episodes)]
        recording = record(envs[: len(seeds)], pilot, list(seeds), steps, "clean episodes")
        encoded = encode(world_model, recording, "clean episodes")
        difference, frame = one_step_errors(world_model, encoded)
        differences.append(difference)
        frames.append(frame)
    return fit_scale(torch.cat(differences), torch.cat(frames), sha256)


@torch.inference_mode()
def one_step_errors(world_model: WorldModel, encoded: Encoded) -> tuple[Tensor, Tensor]:
    """Differences (B * T, D) of predicted and encoded latents, errors (B * T, V) of frames.

    V is 0 for a model that does not decode.
    """
    differences, frames = [], []
    for t in range(encoded.recording.actions.shape[1]):
        now = each(encoded.latents, lambda part, t=t: part[:, t])  # type: ignore[misc]
        predicted = world_model.advance(now, encoded.recording.actions[:, t])
        differences.append(predicted.z - encoded.latents.z[:, t + 1])
        frames.append(_frames(world_model, predicted, encoded.recording.images[:, t + 1]))
    return torch.cat(differences), torch.cat(frames)


def fit_scale(differences: Tensor, frames: Tensor, sha256: str) -> SurpriseScale:
    """From differences (M, D) of latents and errors (M, V) of frames."""
    spread = differences.square().mean(0).sqrt()
    spread = spread.clamp_min(float(_LEAST_SPREAD * spread.median()))
    errors = latent_error(differences, torch.zeros_like(differences), spread)
    return SurpriseScale(
        tuple(_short(value) for value in spread.tolist()),
        _percentiles(errors),
        tuple(_percentiles(camera) for camera in frames.unbind(1)),
        len(differences),
        sha256,
    )


def _frames(world_model: WorldModel, latent: Latent, images: Tensor) -> Tensor:
    if not isinstance(world_model, Decodable):
        return torch.empty(len(images), 0)
    return frame_error(world_model.decode(latent), images)


def _percentiles(errors: Tensor) -> Percentiles:
    wanted = torch.tensor([0.5, 0.95, 0.99, 0.999])
    return Percentiles(*(_short(value) for value in errors.quantile(wanted).tolist()))


def _short(value: float) -> float:
    return float(f"{value:.4g}")
