"""Confidence: does what the model is so sure of come true as often?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.beliefs import Beliefs, Reading, unweighted
from wm_planner.evaluation.world_model.outcomes import outcomes
from wm_planner.evaluation.world_model.recording import Encoded
from wm_planner.evaluation.world_model.reliability import Bin, Reliability, reliability

UNWEIGHTED = "success_unweighted"
"""Success, the weight of its training taken out, among the figures."""


class Confidence(NamedTuple):
    """Over moments of E episodes; None: the model does not know that, see `missing`."""

    reward: Reliability | None  # beside the reward of the step that led there
    value: Reliability | None  # beside the return that came
    success: Reliability | None  # beside whether the task was done
    success_unweighted: Reliability | None  # the same, the weight of its training taken out
    episodes: int
    disturbed: int  # of them, the pilot began after somebody had played
    done: int  # of them, the task was done at some step
    unseen: float  # share of a return that lies after the episodes, at most
    missing: str

    @property
    def shown(self) -> dict[str, Reliability | None]:
        """By what was predicted."""
        return {"reward": self.reward, "value": self.value, "success": self.success}


class Drive(NamedTuple):
    """Episodes, and the step at which the pilot began to act in them."""

    encoded: Encoded
    begun: int


@torch.inference_mode()
def confidence(
    beliefs: Beliefs, drives: Sequence[Drive], discount: float, last: int, seed: int
) -> Confidence:
    """Compare at the moments before step `last`, when a trial ends at the latest.

    Reward and success do not depend on who drives: they are asked at all of these moments.
    """
    came = [
        outcomes(drive.encoded.recording, discount, beliefs.privileged, drive.begun, last)
        for drive in drives
    ]
    z = [drive.encoded.latents.z for drive in drives]  # each (B, T + 1, D)
    states, after = [x[:, :-1] for x in z], [x[:, 1 : last + 1] for x in z]
    known, early = [o.known for o in came], [torch.ones_like(o.done[:, :last]) for o in came]
    done = [o.done[:, :last].float() for o in came]
    chances = _read(beliefs.success, after)
    plain = None if chances is None else [unweighted(part) for part in chances]
    paid, returns = [o.rewards[:, :last] for o in came], [o.returns for o in came]
    return Confidence(
        _reliability(_read(beliefs.reward, after), paid, early, seed),
        _reliability(_read(beliefs.value, states), returns, known, seed),
        _reliability(chances, done, early, seed),
        _reliability(plain, done, early, seed),
        sum(len(o.done) for o in came),
        sum(len(o.done) for o, drive in zip(came, drives, strict=True) if drive.begun),
        sum(int(o.done.any(1).sum()) for o in came),
        max(o.unseen for o in came),
        beliefs.missing,
    )


def confidence_figures(c: Confidence) -> dict[str, Any]:
    """Errors under keys of their own; `reliability` has the bins, or why there are none."""
    figures: dict[str, Any] = {
        "confidence_episodes": c.episodes,
        "confidence_episodes_disturbed": c.disturbed,
        "confidence_episodes_done": c.done,
        "confidence_unseen_share": c.unseen,
    }
    parts: dict[str, Any] = {}
    for name, found in {**c.shown, UNWEIGHTED: c.success_unweighted}.items():
        if found is None:
            parts[name] = {"missing": c.missing}
            continue
        parts[name] = {"bins": [_bin(b) for b in found.bins], "moments": found.moments}
        figures[f"{name}_calibration_error"] = found.calibration_error
        figures[f"{name}_signed_error"] = found.signed_error
        figures[f"{name}_signed_error_low"] = found.signed_interval.low
        figures[f"{name}_signed_error_high"] = found.signed_interval.high
    return {**figures, "reliability": parts}


def _bin(b: Bin) -> dict[str, Any]:
    described = b._asdict()
    low, high = described.pop("interval")
    return {**described, "low": low, "high": high}


def _read(reading: Reading | None, latents: Sequence[Tensor]) -> list[Tensor] | None:
    """Of latents (B, T, D) of each drive, (B, T)."""
    return None if reading is None else [reading(z) for z in latents]


def _reliability(
    predicted: Sequence[Tensor] | None,
    observed: Sequence[Tensor],
    chosen: Sequence[Tensor],
    seed: int,
) -> Reliability | None:
    """Of the `chosen` moments of drives, all (B, T) each."""
    if predicted is None:
        return None
    episodes, first = [], 0
    for part in chosen:
        episodes.append(torch.arange(first, first + len(part))[:, None].expand(part.shape))
        first += len(part)
    guesses, facts, numbers = (
        torch.cat([x[keep] for x, keep in zip(parts, chosen, strict=True)]).cpu().numpy()
        for parts in (predicted, observed, episodes)
    )
    return reliability(guesses, facts, numbers, seed)
