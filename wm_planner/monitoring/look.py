"""Whether frames look like those that a model learned from: asked before the arm moves.

Another camera, one that was moved or turned, colours in another order, another light: patch by
patch, a frame is compared with the mean of the training frames, in units of how much these vary;
as it is, and without its brightness and contrast, which often vary more than all else.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_yaml, write_yaml

FILE = "look.yaml"
GRID = 8  # patches along each side of a frame
_NUMBERS = 3 * GRID**2
_LEAST = 0.02  # of the range of a pixel: differences smaller than that are noise
_NEAREST = 0.1  # distance that is usual even of frames that are all the same
_CONTRAST = 0.25  # that patterns are brought to
_DIGITS = 4
_WAY_OUT = "write it again with `wm_planner look`"


@dataclass(frozen=True)
class Usual:
    """What is usual of a frame's 8 x 8 patches.

    Attributes:
        mean: of the three colours of each, in [0, 1], colour by colour, row by row.
        spread: their standard deviations.
        distance: from the mean, in these units, that 999 of 1,000 frames are within.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    distance: float

    def __post_init__(self) -> None:
        for name in ("mean", "spread"):
            values = getattr(self, name)
            if len(values) != _NUMBERS or not all(map(_is_number, values)):
                raise UserError(f"{name}: expected {_NUMBERS} finite numbers; {_WAY_OUT}")
        if min(self.spread) < 0:
            raise UserError(f"spread: {min(self.spread)} is below 0; {_WAY_OUT}")
        if not _is_number(self.distance) or self.distance <= 0:
            raise UserError(f"distance is {self.distance!r}, expected above 0; {_WAY_OUT}")

    @classmethod
    def of(cls, patches: Tensor) -> Usual:
        """Of patches (T, N)."""
        mean, spread = patches.mean(0), patches.std(0)
        distance = _distance(patches, mean, spread).quantile(0.999).item()
        return cls(_told(mean), _told(spread), round(max(distance, _NEAREST), _DIGITS))


@dataclass(frozen=True)
class CameraLook:
    """What one camera's frames are like: their colours, and their pattern whatever the light."""

    colours: Usual
    pattern: Usual


@dataclass(frozen=True)
class Look:
    """What a model's training frames are like, by the name of the camera, in the model's order."""

    cameras: dict[str, CameraLook]

    @classmethod
    def of(cls, images: Tensor, cameras: tuple[str, ...]) -> Look:
        """That of frames (T, V, C, h, w) uint8."""
        views = zip(cameras, _read(images).unbind(1), strict=True)
        return cls({name: CameraLook(*map(Usual.of, kinds.unbind(1))) for name, kinds in views})

    @classmethod
    def beside(cls, model: Path, cameras: tuple[str, ...]) -> Look | None:
        """That of a model's folder; None if it was never measured, a UserError if it is broken."""
        if not (path := model / FILE).is_file():
            return None
        try:
            look = _parsed(read_yaml(path))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        if tuple(look.cameras) != cameras:
            raise UserError(
                f"{path}: of cameras {list(look.cameras)}, the model's are {list(cameras)}; "
                f"{_WAY_OUT}, or set max_surprise to 0"
            )
        return look

    def strangeness(self, images: Tensor) -> Tensor:
        """How unlike frames (B, V, C, h, w) uint8 are, (B, V): 1 as one in 1,000 that it knows."""
        mean, spread, distance = (part.to(images.device) for part in self._parts)
        return (_distance(_read(images), mean, spread) / distance).amax(-1)

    @cached_property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means and spreads (V, 2, N), and usual distances (V, 2)."""
        known = [(camera.colours, camera.pattern) for camera in self.cameras.values()]
        mean, spread, distance = (
            torch.tensor([[getattr(usual, field.name) for usual in pair] for pair in known])
            for field in fields(Usual)
        )
        return mean, spread, distance

    def save(self, path: Path) -> None:
        """Write it; the file appears whole or not at all."""
        write_yaml(path, asdict(self)["cameras"])


def keep_look(source: Path, target: Path) -> None:
    """Give a model that was made of another one, for the same frames, its look, if it has one."""
    if (path := source / FILE).is_file() and source.resolve() != target.resolve():
        shutil.copyfile(path, target / FILE)


def _read(images: Tensor) -> Tensor:
    """Colours and patterns (T, V, 2, N) of the patches of frames (T, V, C, h, w) uint8."""
    flat = images.flatten(0, 1).float() / 255
    patches = F.adaptive_avg_pool2d(flat, GRID).flatten(1).unflatten(0, images.shape[:2])
    around = patches - patches.mean(-1, keepdim=True)
    pattern = _CONTRAST * around / (patches.std(-1, keepdim=True) + _LEAST)
    return torch.stack([patches, pattern], 2)


def _distance(patches: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Root mean square (...) of how far patches (..., N) are off, in units of what is usual."""
    return ((patches - mean) / (spread + _LEAST)).square().mean(-1).sqrt()


def _told(values: Tensor) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values.tolist())


def _parsed(values: Mapping[str, Any]) -> Look:
    cameras = {}
    for name, camera in values.items():
        _check_keys(camera, CameraLook, name)
        kinds = {kind: _usual(usual, f"{name}, {kind}") for kind, usual in camera.items()}
        cameras[name] = CameraLook(**kinds)
    return Look(cameras)


def _usual(values: Any, place: str) -> Usual:
    _check_keys(values, Usual, place)
    return Usual(tuple(values["mean"]), tuple(values["spread"]), values["distance"])


def _check_keys(values: Any, kind: type, place: str) -> None:
    known = sorted(field.name for field in fields(kind))
    if not isinstance(values, Mapping) or sorted(values) != known:
        raise UserError(f"{place}: expected the keys {', '.join(known)}; {_WAY_OUT}")
    for name in ("mean", "spread"):
        if not isinstance(values.get(name, []), list):
            raise UserError(f"{place}: {name} is no list; {_WAY_OUT}")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
