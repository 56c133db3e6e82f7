"""Runs every measure of imagined video on one model."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from wm_planner.evaluation.world_model.controllability import Controllability
from wm_planner.evaluation.world_model.effort import Effort
from wm_planner.evaluation.world_model.video.frechet import Encoder, Frechet, frechet
from wm_planner.evaluation.world_model.video.likeness import Likeness, flicker, likeness
from wm_planner.evaluation.world_model.video.objects import (
    Kept,
    Searcher,
    copied,
    imagined,
    kept,
    true,
)
from wm_planner.evaluation.world_model.video.pace import Pace, pace
from wm_planner.evaluation.world_model.video.pixels import pixel_controllability
from wm_planner.evaluation.world_model.video.reel import BEFORE, Reel, imagine_reels
from wm_planner.evaluation.world_model.video.truth import record_truth
from wm_planner.evaluation.world_model.video.variety import Variety, variety
from wm_planner.evaluation.world_model.workbench import Workbench
from wm_planner.interfaces import Sampled

STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 130, 160, 200)
_VIDEO_SEEDS = 6_000  # after the first one
_VARIETY_STEPS, _SAMPLES = (1, 10, 50), 8


class Driven(NamedTuple):
    """What was measured while one pilot drove."""

    reels: list[Reel]
    likeness: Likeness
    flicker: tuple[Tensor, Tensor]  # (V,) each: imagined, true; of 255
    imagined: list[list[Kept]]  # by reel, then thing and camera
    copied: list[list[Kept]]
    true: list[list[Kept]]  # of the true frames: how good the finder is


class VideoMetrics(NamedTuple):
    """Everything that was measured of imagined video."""

    cameras: tuple[str, ...]
    driven: dict[str, Driven]  # by who drove
    frechet: Frechet  # of the policy's actions
    pixels: list[Controllability]  # by camera
    variety: Variety | None  # None: the model draws no samples
    pace: Pace


def measure_video(bench: Workbench, effort: Effort, encoder: Encoder) -> VideoMetrics:
    """All measures, of a model that decodes."""
    model, driven, first = bench.world_model, {}, _VIDEO_SEEDS
    for name in bench.pilots:
        n = effort.episodes if name == "policy" else max(1, effort.episodes // 2)
        driven[name] = _drive(bench, effort, name, bench.seeds(first, n))
        first += n
    policy = driven["policy"].reels[0]
    asked = tuple(k for k in _VARIETY_STEPS if k <= policy.steps)
    several = (
        variety(model, policy, asked, _SAMPLES, bench.seed) if isinstance(model, Sampled) else None
    )
    return VideoMetrics(
        policy.truth.cameras,
        driven,
        frechet(encoder, model, driven["policy"].reels),
        pixel_controllability(bench, effort.pixel_states, effort.hold, effort.others),
        several,
        pace(model, policy),
    )


def _drive(bench: Workbench, effort: Effort, name: str, seeds: list[int]) -> Driven:
    model, longest = bench.world_model, effort.long
    truth = record_truth(
        bench.envs, bench.pilots[name], seeds, longest + BEFORE, name, bench.vocabulary
    )
    later = [BEFORE + effort.apart * i for i in range(1, effort.later_starts + 1)]
    lengths = [longest, *(min(effort.short, longest - start) for start in later)]
    reels = imagine_reels(model, truth, [BEFORE, *later], lengths, name)
    searcher = Searcher(truth)
    looks = {
        look: [kept(searcher, reel, range(reel.steps + 1), look) for reel in reels]
        for look in (imagined, copied, true)
    }
    return Driven(
        reels,
        likeness(model, reels, [k for k in STEPS if k <= longest]),
        flicker(reels),
        looks[imagined],
        looks[copied],
        looks[true],
    )
