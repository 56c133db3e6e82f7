"""Surprise: how far what is seen is from what was predicted a step ago, in units of clean runs.

1 is what one in a thousand steps of clean, held-out episodes exceeds. `wm_planner evaluate
--calibrate` measures the scale and writes it beside the model, in surprise.yaml.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.monitoring.picture_change import GRID, PictureChange, frame_error
from wm_planner.safe_yaml import read_yaml, write_yaml
from wm_planner.types import Latent

FILE = "surprise.yaml"
_MAX_BYTES = 2**20  # of the file: a latent of a hundred thousand numbers
_WAY_OUT = "write it again with `wm_planner evaluate --calibrate`"


@dataclass(frozen=True)
class Percentiles:
    """How large an error is in clean episodes, rising.

    Attributes:
        median: of the error.
        p95: 95 % are smaller.
        p99: 99 % are smaller.
        p999: 99.9 % are smaller.
    """

    median: float
    p95: float
    p99: float
    p999: float

    def __post_init__(self) -> None:
        values = (self.median, self.p95, self.p99, self.p999)
        if not all(_is_positive(value) for value in values) or list(values) != sorted(values):
            raise UserError(f"percentiles {values}: expected positive, finite, rising; {_WAY_OUT}")


@dataclass(frozen=True)
class SurpriseScale:
    """What a model's errors of one step are like where nothing is wrong.

    Attributes:
        spread: root mean square error of each number of the latent (D,); the error of a step is
            the root mean square of the numbers' errors in these units.
        latent: of that error.
        frames: of each camera's `frame_error`; none for a model that does not decode.
        patches: of each camera, root mean square error of each of its 8 x 8 patches, in [0, 1].
        steps: control steps it was measured on.
        sha256: of the weights it was measured with.
    """

    spread: tuple[float, ...]
    latent: Percentiles
    frames: tuple[Percentiles, ...]
    patches: tuple[tuple[float, ...], ...]
    steps: int
    sha256: str

    def __post_init__(self) -> None:
        if not self.spread or not all(_is_positive(value) for value in self.spread):
            raise UserError(f"spread: expected positive, finite numbers; {_WAY_OUT}")
        if len(self.patches) != len(self.frames) or not all(map(_is_grid, self.patches)):
            raise UserError(
                f"patches: expected {GRID**2} finite numbers from 0 up for each of "
                f"{len(self.frames)} cameras; {_WAY_OUT}"
            )
        if type(self.steps) is not int or self.steps < 1:
            raise UserError(f"steps is {self.steps!r}, expected a whole number above 0; {_WAY_OUT}")
        if not isinstance(self.sha256, str):
            raise UserError(f"sha256 is {self.sha256!r}, expected text; {_WAY_OUT}")

    @classmethod
    def load(cls, path: Path) -> SurpriseScale:
        """Read a scale; whatever is wrong with the file is a UserError that says so."""
        values = read_yaml(path, _MAX_BYTES)
        try:
            return _parsed(values)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    @classmethod
    def beside(cls, model: Path, sha256: str) -> SurpriseScale | None:
        """That of a model's folder, whose weights have this sha256; None if it was never measured.

        One of other weights is a UserError.
        """
        if not (path := model / FILE).is_file():
            return None
        scale = cls.load(path)
        if scale.sha256 != sha256:
            raise UserError(
                f"{path}: measured with weights {scale.sha256[:12]}, the model's are "
                f"{sha256[:12]}; {_WAY_OUT}, or set max_surprise to 0"
            )
        return scale

    @cached_property
    def spread_tensor(self) -> Tensor:
        """(D,)"""
        return torch.tensor(self.spread)

    @cached_property
    def patch_tensor(self) -> Tensor:
        """(V, G, G)"""
        return torch.tensor(self.patches).unflatten(1, (GRID, GRID))

    def save(self, path: Path) -> None:
        """Write it; the file appears whole or not at all."""
        write_yaml(path, asdict(self))


def surprise(predicted: Latent, encoded: Latent, scale: SurpriseScale) -> Tensor:
    """Surprise (B,) of the frame that was encoded, from the latents (B, D) of both.

    `predicted` is the last latent advanced by the action that was taken since.
    """
    if predicted.z.shape[-1] != len(scale.spread):
        raise UserError(
            f"surprise scale of {len(scale.spread)} numbers, latent of {predicted.z.shape[-1]}: "
            f"they are not of one model; {_WAY_OUT}"
        )
    return latent_error(predicted.z, encoded.z, scale.spread_tensor) / scale.latent.p999


def frame_surprise(change: PictureChange, scale: SurpriseScale) -> Tensor:
    """Surprise (B, V) of each camera's frame, from what was foreseen to change in it.

    It sees what the encoder ignores, such as one covered camera of two.
    """
    if change.error.shape[1] != len(scale.frames):
        raise UserError(
            f"surprise scale of {len(scale.frames)} cameras, frames of {change.error.shape[1]}; "
            f"they are not of one model; {_WAY_OUT}"
        )
    clean = torch.tensor([camera.p999 for camera in scale.frames])  # (V,)
    return frame_error(change, scale.patch_tensor) / clean.to(change.error.device)


def latent_error(predicted: Tensor, encoded: Tensor, spread: Tensor) -> Tensor:
    """Root mean square (...) of latents' (..., D) differences in units of `spread` (D,)."""
    spread = spread.to(predicted.device, predicted.dtype)
    return ((predicted - encoded) / spread).square().mean(-1).sqrt()


def _parsed(values: Any) -> SurpriseScale:
    _check_keys(values, SurpriseScale)
    _check_keys(values["latent"], Percentiles)
    for name in ("spread", "frames", "patches"):
        if not isinstance(values[name], list):
            raise UserError(f"{name} is {values[name]!r}, expected a list; {_WAY_OUT}")
    for camera in values["frames"]:
        _check_keys(camera, Percentiles)
    return SurpriseScale(
        tuple(values["spread"]),
        Percentiles(**values["latent"]),
        tuple(Percentiles(**camera) for camera in values["frames"]),
        tuple(tuple(camera) if isinstance(camera, list) else () for camera in values["patches"]),
        values["steps"],
        values["sha256"],
    )


def _check_keys(values: Any, cls: type) -> None:
    known = sorted(field.name for field in fields(cls))
    if not isinstance(values, Mapping) or sorted(map(str, values)) != known:
        found = sorted(map(str, values)) if isinstance(values, Mapping) else repr(values)
        raise UserError(f"{cls.__name__} has keys {found}, expected {known}; {_WAY_OUT}")


def _is_positive(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def _is_grid(values: tuple[float, ...]) -> bool:
    numbers = all(type(v) in (int, float) and math.isfinite(v) and v >= 0 for v in values)
    return numbers and len(values) == GRID**2
