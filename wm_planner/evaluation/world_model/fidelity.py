"""Fidelity: how far an imagined future is from the one that came, k steps ahead.

Beside the model stand two that know nothing of the world: one predicts that nothing changes, the
other that everything goes on as it last did (copies the last velocity). What a perfect prediction
would still get wrong, because the readout or the decoder does, is the floor.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from wm_planner.evaluation.world_model.futures import Futures, rms
from wm_planner.evaluation.world_model.readout import Readout
from wm_planner.interfaces import Decodable
from wm_planner.types import Latent, Seen

_FRAME_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100)


class Fidelity(NamedTuple):
    """Means over windows, at each of S numbers of steps."""

    steps: Tensor  # (S,) k
    model: Tensor  # (S,)
    null: Tensor  # (S,) predicts no change
    velocity: Tensor  # (S,) copies the last change; NaN where it makes no sense
    floor: Tensor  # (S,) of a perfect prediction; NaN where there is none

    def at(self, k: int) -> float:
        """The model's after k steps; NaN if that was not measured."""
        found = self.model[self.steps == k]
        return float(found[0]) if len(found) else float("nan")


class FrameFidelity(NamedTuple):
    """Decoded frames, all in [0, 1]; more is better."""

    psnr: Fidelity  # dB
    ssim: Fidelity  # Wang 2004, IEEE Transactions on Image Processing 13


def latent_fidelity(futures: Futures) -> Fidelity:
    """Root mean square error over the latent's D numbers."""
    z = futures.encoded
    first, ahead = z[:, :1], _count(z.shape[1] - 1)[:, None]  # (K, 1)
    change = first - futures.before[:, None]  # (W, 1, D)
    velocity = rms(first + ahead * change - z[:, 1:])
    return _fidelity(futures.errors, futures.null_errors, velocity, None)


def reward_fidelity(futures: Futures) -> Fidelity:
    """Absolute error of the reward."""
    real, last = futures.rewards, futures.rewards_before[:, 1:]
    ahead = _count(real.shape[1])  # (K,)
    change = last - futures.rewards_before[:, :1]  # (W, 1)
    return _fidelity(
        (futures.imagined_rewards - real).abs(),
        (last - real).abs(),
        (last + ahead * change - real).abs(),
        None,
    )


def proprio_fidelity(futures: Futures, readout: Readout) -> Fidelity:
    """Root mean square error over the P numbers of proprioception, each about [-1, 1].

    Read from the imagined latent; the other models start from what was measured.
    """
    real = futures.proprio[:, 1:]  # (W, K, P)
    first = futures.proprio[:, :1]
    before = futures.proprio_before[:, None]  # (W, 1, P)
    ahead = _count(real.shape[1])[:, None]  # (K, 1)
    return _fidelity(
        rms(readout(futures.imagined[:, 1:]) - real),
        rms(first - real),
        rms(first + ahead * (first - before) - real),
        rms(readout(futures.encoded[:, 1:]) - real),
    )


@torch.inference_mode()
def frame_fidelity(world_model: Decodable, futures: Futures, windows: int = 48) -> FrameFidelity:
    """PSNR and SSIM of what the imagined latents decode to, on `windows` evenly chosen windows."""
    horizon = futures.imagined.shape[1] - 1
    steps = [k for k in _FRAME_STEPS if k <= horizon]
    chosen = torch.linspace(0, len(futures.start) - 1, min(windows, len(futures.start))).long()
    frames = futures.frames.at(chosen.tolist(), 0)
    seen, now = Seen(frames, Latent(futures.encoded[chosen, 0])), _unit(frames)
    scores = []
    for k in steps:
        real = _unit(futures.frames.at(chosen.tolist(), k))
        imagined = _unit(world_model.decode(Latent(futures.imagined[chosen, k]), seen))
        floor = _unit(world_model.decode(Latent(futures.encoded[chosen, k])))
        scores.append([_scores(guess, real) for guess in (imagined, now, floor)])
    psnr, ssim = torch.tensor(scores).permute(2, 1, 0)  # each (3, S)
    unknown = torch.full((len(steps),), torch.nan)
    made = [
        Fidelity(torch.tensor(steps), score[0], score[1], unknown, score[2])
        for score in (psnr, ssim)
    ]
    return FrameFidelity(*made)


def _scores(guess: Tensor, real: Tensor) -> tuple[float, float]:
    """PSNR and SSIM, means over the frames (M, C, h, w)."""
    psnr = peak_signal_noise_ratio(guess, real, data_range=1.0, reduction="none", dim=(1, 2, 3))
    ssim = structural_similarity_index_measure(guess, real, data_range=1.0)
    assert isinstance(ssim, Tensor)
    return float(psnr.clamp(max=60).mean()), float(ssim)


def _unit(images: Tensor) -> Tensor:
    """Frames (W, V, C, h, w) uint8 as (W * V, C, h, w) in [0, 1]."""
    return images.flatten(0, 1).float() / 255


def _count(steps: int) -> Tensor:
    return torch.arange(1, steps + 1, dtype=torch.float32)


def _fidelity(model: Tensor, null: Tensor, velocity: Tensor, floor: Tensor | None) -> Fidelity:
    """Means over the windows of errors (W, K)."""
    unknown = torch.full((model.shape[1],), torch.nan)
    return Fidelity(
        torch.arange(1, model.shape[1] + 1),
        model.mean(0),
        null.mean(0),
        velocity.mean(0),
        unknown if floor is None else floor.mean(0),
    )
