"""Are things still there in imagined frames, and where?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from wm_planner.evaluation.world_model.video.finder import (
    ColourFinder,
    ShapeFinder,
    Sighting,
    centre,
)
from wm_planner.evaluation.world_model.video.reel import Reel
from wm_planner.evaluation.world_model.video.truth import Thing, Truth

EDGE = 64  # pixels that errors are told of
_VISIBLE = 12  # pixels of so large a frame that a thing shows, or it is not asked for
_SIZE = 3.0  # times as large or as small as in truth, at most


class Kept(NamedTuple):
    """One thing in one camera: whether it was found where it had to be."""

    thing: Thing
    camera: str
    visible: np.ndarray  # (W, K + 1) bool: the true frame shows it
    error: np.ndarray  # (W, K + 1) pixels of 64 from its true place; NaN where it is not found


Frames = Callable[[Reel, int], np.ndarray]
"""Frames (W, V, h, w, C) uint8 to look at, instead of those k steps after the start."""


class Searcher:
    """Looks for things in frames; knows their colours in each episode of a truth."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        frames = truth.recording.images.permute(0, 2, 1, 4, 5, 3).numpy()  # (B, V, T + 1, h, w, C)
        coloured = [0] + [0 if t.is_hand else i for i, t in enumerate(truth.things, 1)]
        shown = np.array(coloured, np.uint8)[truth.shown.transpose(1, 2).numpy()]
        pairs = zip(frames, shown, strict=True)
        self._colours = [
            [ColourFinder(*camera) for camera in zip(*episode, strict=True)] for episode in pairs
        ]

    def look(
        self, episode: int, camera: int, label: int, real: np.ndarray, shown: np.ndarray
    ) -> Search | None:
        """For the thing of a label that a true frame (h, w, 3) shows; None: too little of it."""
        mask = shown == label
        scale = EDGE / real.shape[0]
        if mask.sum() * scale**2 < _VISIBLE:
            return None
        if self._truth.things[label - 1].is_hand:
            shape = ShapeFinder(real, mask)
            return Search(shape.find, shape.truth, scale)
        colours = self._colours[episode][camera]
        found = colours.find(real, label) or centre(mask)
        assert found is not None
        return Search(lambda frame: colours.find(frame, label), found, scale)


class Search(NamedTuple):
    """For a thing whose place in the true frame is known."""

    find: Callable[[np.ndarray], Sighting | None]
    truth: Sighting
    scale: float  # pixels of 64, of a pixel

    def error(self, frame: np.ndarray) -> float:
        """Pixels of 64 between it in a frame (h, w, 3) and in truth; NaN: not found."""
        found = self.find(frame)
        if found is None or not 1 / _SIZE <= found.area / self.truth.area <= _SIZE:
            return float("nan")
        return found.distance(self.truth) * self.scale


def kept(searcher: Searcher, reel: Reel, steps: Sequence[int], frames: Frames) -> list[Kept]:
    """Every thing in every camera that can lose it, after each of `steps`."""
    truth, places = reel.truth, _places(reel.truth)
    shape = len(places), len(reel.imagined), len(steps)
    visible, error = np.zeros(shape, bool), np.full(shape, np.nan)
    for s, k in enumerate(tqdm(steps, desc="look for things", unit="step", leave=False)):
        real = reel.real(k).permute(0, 1, 3, 4, 2).numpy()
        shown, seen = reel.shown(k).numpy(), frames(reel, k)
        for p, (label, camera) in enumerate(places):
            for w in range(len(seen)):
                search = searcher.look(w, camera, label, real[w, camera], shown[w, camera])
                if search is not None:
                    visible[p, w, s], error[p, w, s] = True, search.error(seen[w, camera])
    return [
        Kept(truth.things[label - 1], truth.cameras[camera], visible[p], error[p])
        for p, (label, camera) in enumerate(places)
    ]


def imagined(reel: Reel, k: int) -> np.ndarray:
    """See Frames: those that the model imagined."""
    return reel.imagined[:, k].permute(0, 1, 3, 4, 2).numpy()


def copied(reel: Reel, _k: int) -> np.ndarray:
    """See Frames: those at the start."""
    return reel.real(0).permute(0, 1, 3, 4, 2).numpy()


def true(reel: Reel, k: int) -> np.ndarray:
    """See Frames: those that came; what is not found there is the finder's own mistake."""
    return reel.real(k).permute(0, 1, 3, 4, 2).numpy()


class Tally(NamedTuple):
    """Of some things, after some steps."""

    frames: int  # in which they have to be
    present: float  # share in which they are; NaN: of none
    error: float  # mean of pixels of 64, where they are; NaN: nowhere


def tally(parts: Sequence[Kept], steps: Sequence[int]) -> Tally:
    """Over all of `parts`, as far as they reach."""
    visible, errors = 0, []
    for part in parts:
        within = [k for k in steps if k < part.error.shape[-1]]
        visible += int(part.visible[..., within].sum())
        errors.append(part.error[..., within].ravel())
    found = np.concatenate([error[~np.isnan(error)] for error in errors] or [np.empty(0)])
    nan = float("nan")
    return Tally(
        visible,
        len(found) / visible if visible else nan,
        float(found.mean()) if len(found) else nan,
    )


def _places(truth: Truth) -> list[tuple[int, int]]:
    """Label and camera of every thing to look for."""
    return [(i, camera) for i, thing in enumerate(truth.things, 1) for camera in thing.cameras]
