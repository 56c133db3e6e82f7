"""What a trial looked like and what was imagined in it, kept until it is known to be wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wm_planner.evaluation.imagination import imagine_strip
from wm_planner.evaluation.video import Video, film_strip, write_picture
from wm_planner.interfaces import Decodable
from wm_planner.types import Latent, Plan, Seen


class Moment(NamedTuple):
    """One step."""

    frames: dict[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    latent: Latent  # (1, D)
    plan: Plan  # of one batch element
    seen: Seen  # what it came of, B = 1


class Film:
    """The moments of one trial; drawn only when saved."""

    def __init__(self, world_model: Decodable) -> None:
        self._world_model = world_model
        self._moments: list[Moment] = []

    def add(self, frames: Mapping[str, np.ndarray], latent: Latent, plan: Plan, seen: Seen) -> None:
        """Keep a moment."""
        self._moments.append(Moment(dict(frames), latent, plan, seen))

    def save_strip(self, path: Path, rate_hz: float) -> None:
        """Seven moments, each camera above what was imagined for it."""
        pictures = [self._draw(moment) for moment in self._moments]
        write_picture(path, film_strip(pictures, [i / rate_hz for i in range(len(pictures))]))

    def save_video(self, path: Path, rate_hz: float) -> None:
        """All moments: camera, and the imagined future."""
        with Video(path, rate_hz) as video:
            for moment in self._moments:
                video.write(self._draw(moment))

    def _draw(self, moment: Moment) -> np.ndarray:
        frames, latent, plan, seen = moment
        return imagine_strip(self._world_model, latent, plan, seen, frames)
