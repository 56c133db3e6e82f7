"""How like the true frames imagined ones are, and whether they flicker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from wm_planner.evaluation.world_model.video.reel import Reel, decoded_encoding
from wm_planner.interfaces import WorldModel

_BEST_DB = 60.0  # of equal frames, whose PSNR is infinite


class Scores(NamedTuple):
    """Means over frames, of each of V cameras after each of S numbers of steps."""

    model: Tensor  # (V, S)
    copy: Tensor  # (V, S) the frame at the start, again and again
    floor: Tensor  # (V, S) the true frame, encoded and decoded


class Likeness(NamedTuple):
    """More is better."""

    steps: tuple[int, ...]  # S
    frames: tuple[int, ...]  # S: how many the means are over
    psnr: Scores  # dB
    ssim: Scores


@torch.inference_mode()
def likeness(world_model: WorldModel, reels: Sequence[Reel], steps: Sequence[int]) -> Likeness:
    """Of all reels that reach so far."""
    counted = [sum(len(reel.imagined) for reel in reels if reel.steps >= k) for k in steps]
    columns = [_likeness_at(world_model, [r for r in reels if r.steps >= k], k) for k in steps]
    psnr, ssim = torch.stack(columns, -1)  # each (3, V, S)
    return Likeness(tuple(steps), tuple(counted), Scores(*psnr), Scores(*ssim))


def flicker(reels: Sequence[Reel]) -> tuple[Tensor, Tensor]:
    """Mean change of a pixel from one frame to the next (V,), of 255: imagined, and true."""
    found = []
    for reel in reels:
        real = torch.stack([reel.real(k) for k in range(1, reel.steps + 1)], 1)
        found.append([_change(reel.imagined[:, 1:]), _change(real)])
    weights = torch.tensor([reel.steps - 1.0 for reel in reels])
    imagined, true = (torch.stack(part, -1) for part in zip(*found, strict=True))  # (V, R)
    return (imagined * weights).sum(-1) / weights.sum(), (true * weights).sum(-1) / weights.sum()


def _likeness_at(world_model: WorldModel, reels: Sequence[Reel], k: int) -> Tensor:
    """PSNR and SSIM of model, copy and floor, (2, 3, V)."""
    real = unit(torch.cat([reel.real(k) for reel in reels]))  # (W, V, C, h, w)
    guesses = (
        torch.cat([reel.imagined[:, k] for reel in reels]),
        torch.cat([reel.real(0) for reel in reels]),
        torch.cat([decoded_encoding(world_model, reel, k) for reel in reels]),
    )
    scored = [[_scores(unit(g)[:, v], real[:, v]) for v in range(real.shape[1])] for g in guesses]
    return torch.tensor(scored).permute(2, 0, 1)


def _scores(guess: Tensor, real: Tensor) -> tuple[float, float]:
    """PSNR and SSIM, means over frames (M, C, h, w)."""
    psnr = peak_signal_noise_ratio(guess, real, data_range=1.0, reduction="none", dim=(1, 2, 3))
    ssim = structural_similarity_index_measure(guess, real, data_range=1.0)
    assert isinstance(ssim, Tensor)
    return float(psnr.clamp(max=_BEST_DB).mean()), float(ssim)


def unit(images: Tensor) -> Tensor:
    """Frames of bytes in [0, 1]."""
    return images.float() / 255


def _change(frames: Tensor) -> Tensor:
    """Mean absolute change (V,) of frames (W, K, V, C, h, w) from step to step."""
    after, before = frames[:, 1:].short(), frames[:, :-1].short()
    return (after - before).abs().float().mean((0, 1, 3, 4, 5))
