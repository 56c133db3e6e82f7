"""What there is in a dataset, gathered episode by episode."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from wm_planner.learning.episodes import Episode

_FILMS = 4  # episodes of which a strip is kept
_STILLS = 8  # frames of a strip
_DARK, _BRIGHT = 8, 247  # of 255; darker or brighter pixels show nothing


class Exposure(NamedTuple):
    """Of a camera, over all frames."""

    brightness: float  # mean, of 255
    contrast: float  # mean standard deviation within a frame
    dark: float  # share of the pixels
    bright: float
    repeated: float  # share of the frames that are the one before, to the bit


class Film(NamedTuple):
    """Some frames of an episode."""

    name: str
    success: bool
    stills: dict[str, list[np.ndarray]]  # by camera, (h, w, 3) uint8


class Survey(NamedTuple):
    """Of N episodes of T steps each."""

    lengths: list[int]
    successes: list[bool]
    instructions: Counter[str]
    sizes: dict[str, tuple[int, int]]  # height and width of each camera's frames
    exposure: dict[str, Exposure]
    actions: list[np.ndarray]  # (T, A) each
    proprio: list[np.ndarray]  # (T, P) each
    films: list[Film]
    duplicates: list[tuple[int, int]]  # episodes that are one another's copies

    @property
    def steps(self) -> int:
        return sum(self.lengths)


def survey(episodes: Iterable[Episode]) -> Survey:
    """Goes through them once, and keeps no more than a few frames."""
    found = Survey([], [], Counter(), {}, {}, [], [], [], [])
    seen: dict[str, int] = {}
    exposures: dict[str, list[Exposure]] = {}
    for number, episode in enumerate(episodes):
        found.lengths.append(len(episode.actions))
        found.successes.append(episode.success)
        found.instructions[episode.instruction] += 1
        found.actions.append(episode.actions)
        found.proprio.append(episode.proprio)
        for camera, frames in episode.frames.items():
            found.sizes.setdefault(camera, frames.shape[1:3])
            exposures.setdefault(camera, []).append(_exposure(frames))
        if len(found.films) < _FILMS or (not episode.success and _all_succeed(found.films)):
            found.films[_FILMS - 1 :] = []
            found.films.append(_film(number, episode))
        first = seen.setdefault(_fingerprint(episode), number)
        if first != number:
            found.duplicates.append((first, number))
    for camera, parts in exposures.items():
        weights = np.array(found.lengths, np.float64)[: len(parts)]
        found.exposure[camera] = Exposure(*np.average(np.array(parts), axis=0, weights=weights))
    return found


def _all_succeed(films: list[Film]) -> bool:
    return all(film.success for film in films)


def _exposure(frames: np.ndarray) -> Exposure:
    same = (frames[1:] == frames[:-1]).all(axis=(1, 2, 3)) if len(frames) > 1 else np.zeros(1)
    return Exposure(
        float(frames.mean()),
        float(frames.reshape(len(frames), -1).std(axis=1).mean()),
        float((frames <= _DARK).mean()),
        float((frames >= _BRIGHT).mean()),
        float(same.mean()),
    )


def _film(number: int, episode: Episode) -> Film:
    steps = np.linspace(0, len(episode.actions) - 1, _STILLS).round().astype(int)
    stills = {c: [frames[t].copy() for t in steps] for c, frames in episode.frames.items()}
    return Film(f"demo_{number}", episode.success, stills)


def _fingerprint(episode: Episode) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(episode.actions).tobytes())
    digest.update(np.ascontiguousarray(episode.proprio).tobytes())
    return digest.hexdigest()
