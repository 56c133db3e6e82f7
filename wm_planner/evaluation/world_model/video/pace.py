"""How fast imagined frames come, one by one, as in `wm_planner play`."""

from __future__ import annotations

import os
import time
from statistics import median
from typing import NamedTuple

import torch

from wm_planner.evaluation.world_model.video.reel import Reel
from wm_planner.interfaces import Decodable, WorldModel

_WARM, _STEPS = 3, 25  # steps that are timed, after a few
_MOST_THREADS = 2


class Pace(NamedTuple):
    """The faster of one and two threads."""

    frames_per_s: float  # of all cameras, by the median step: other programs disturb it least
    threads: int


def pace(world_model: WorldModel, reel: Reel) -> Pace:
    """Imagining and decoding, without what `play` besides asks the model."""
    before = torch.get_num_threads()
    most = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    try:
        return max(_timed(world_model, reel, threads) for threads in range(1, most + 1))
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def _timed(world_model: WorldModel, reel: Reel, threads: int) -> Pace:
    assert isinstance(world_model, Decodable)
    torch.set_num_threads(threads)
    seen, actions = reel.seen.row(0), reel.actions()[:1]
    latent = seen.latent
    seconds = []
    for k in range(_WARM + _STEPS):
        started = time.perf_counter()
        latent = world_model.advance(latent, actions[:, k % reel.steps])
        world_model.decode(latent, seen)
        seconds.append(time.perf_counter() - started)
    return Pace(1 / median(seconds[_WARM:]), threads)
