"""Whether frames look like those that a model learned from: asked before the arm moves.

Another camera, one that was moved or turned, colours in another order, another light: patch by
patch, a frame is compared with the mean of the training frames, in units of how much these vary.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_yaml

FILE = "look.yaml"
GRID = 8  # patches along each side of a frame
_NUMBERS = 3 * GRID**2
_LEAST = 0.02  # of the range of a pixel: differences smaller than that are noise
_DIGITS = 4
_WAY_OUT = "write it again with `wm_planner look`"


@dataclass(frozen=True)
class CameraLook:
    """What one camera's frames are like.

    Attributes:
        mean: of the three colours of 8 x 8 patches, in [0, 1], colour by colour, row by row.
        spread: their standard deviations.
        usual: distance from the mean, in these units, that 999 of 1,000 frames are within.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    usual: float

    def __post_init__(self) -> None:
        for name in ("mean", "spread"):
            values = getattr(self, name)
            if len(values) != _NUMBERS or not all(_is_share(value) for value in values):
                raise UserError(f"{name}: expected {_NUMBERS} numbers from 0 to 1; {_WAY_OUT}")
        if not _is_number(self.usual) or self.usual <= 0:
            raise UserError(f"usual is {self.usual!r}, expected above 0; {_WAY_OUT}")


@dataclass(frozen=True)
class Look:
    """What a model's training frames are like, by the name of the camera, in the model's order."""

    cameras: dict[str, CameraLook]

    @classmethod
    def of(cls, images: Tensor, cameras: tuple[str, ...]) -> Look:
        """That of frames (T, V, C, h, w) uint8."""
        found = {}
        for name, patches in zip(cameras, _patches(images).unbind(1), strict=True):
            mean, spread = patches.mean(0), patches.std(0)
            usual = _distance(patches, mean, spread).quantile(0.999).item()
            found[name] = CameraLook(_told(mean), _told(spread), round(usual, _DIGITS))
        return cls(found)

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
        patches = _patches(images)  # (B, V, C * G * G)
        mean, spread, usual = (part.to(patches.device) for part in self._parts)
        return _distance(patches, mean, spread) / usual

    @cached_property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means and spreads (V, C * G * G), and what is usual (V,)."""
        known = list(self.cameras.values())
        means, spreads = ([getattr(c, name) for c in known] for name in ("mean", "spread"))
        usual = torch.tensor([camera.usual for camera in known])
        return torch.tensor(means), torch.tensor(spreads), usual

    def save(self, path: Path) -> None:
        """Write it; the file appears whole or not at all."""
        plain = {
            name: {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(camera).items()}
            for name, camera in self.cameras.items()
        }
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(yaml.safe_dump(plain, sort_keys=False, default_flow_style=None))
        partial.replace(path)


def keep_look(source: Path, target: Path) -> None:
    """Give a model that was made of another one, for the same frames, its look, if it has one."""
    if (path := source / FILE).is_file() and source.resolve() != target.resolve():
        shutil.copyfile(path, target / FILE)


def _patches(images: Tensor) -> Tensor:
    """Mean colours (T, V, C * G * G) in [0, 1] of frames (T, V, C, h, w) uint8."""
    flat = images.flatten(0, 1).float() / 255
    return F.adaptive_avg_pool2d(flat, GRID).flatten(1).unflatten(0, images.shape[:2])


def _told(values: Tensor) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values.clamp(0, 1).tolist())


def _distance(patches: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Root mean square (...) of how far patches (..., N) are off, in units of what is usual."""
    return ((patches - mean) / (spread + _LEAST)).square().mean(-1).sqrt()


def _parsed(values: Mapping[str, Any]) -> Look:
    known = set(CameraLook.__dataclass_fields__)
    cameras = {}
    for name, camera in values.items():
        if not isinstance(camera, Mapping) or set(camera) != known:
            raise UserError(f"{name}: expected the keys {sorted(known)}; {_WAY_OUT}")
        cameras[name] = CameraLook(
            _listed(camera["mean"]), _listed(camera["spread"]), camera["usual"]
        )
    return Look(cameras)


def _listed(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, list) else ()


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1
