"""HDF5 of robomimic that somebody else wrote: its own names for observations and actions.

Its rewards and states are not read; whether an episode worked is told by its last reward or done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, demo, demo_names, open_dataset, unknown
from wm_planner.learning.layout import (
    LayoutError,
    checked_array,
    checked_group,
    checked_instruction,
    checked_seed,
)


class Keys(NamedTuple):
    """What is read of a file."""

    actions: str  # dataset of an episode
    proprio: tuple[str, ...]  # datasets that are put one after the other
    cameras: tuple[tuple[str, str], ...]  # our name, and its dataset


def keys_of(
    path: Path, actions: str, proprio: str, cameras: Sequence[str], ours: Sequence[str]
) -> Keys:
    """What is asked for, or what the first episode has; `ours` are the cameras' names here."""
    with open_dataset(path) as file:
        group = demo(file, demo_names(file)[0])
        try:
            names = sorted(checked_group(group, "obs"))
        except LayoutError as error:
            raise UserError(f"{path}: {group.name}: {error}") from error
    images = list(cameras) or [n.removesuffix("_image") for n in names if n.endswith("_image")]
    if len(images) < len(ours) or not images:
        raise UserError(
            f"{path}: {len(images)} cameras {images}, the robot has {list(ours)}; it holds "
            f"{names}; name one for each with --cameras"
        )
    own = [f"obs/{name}" for name in proprio.split(",") if name] if proprio else ["obs/proprio"]
    for name in own:
        if name.removeprefix("obs/") not in names:
            raise UserError(
                f"{path}: no {name}; it has {names}; name those that tell what the robot felt "
                "with --proprio a,b"
            )
    pairs = zip(ours, images[: len(ours)], strict=True)
    return Keys(actions or "actions", tuple(own), tuple((a, f"obs/{b}_image") for a, b in pairs))


def read_foreign(path: Path, keys: Keys) -> Iterator[Episode]:
    """The episodes of a file; one that does not fit is a UserError."""
    with open_dataset(path) as file:
        for name in demo_names(file):
            group = demo(file, name)
            try:
                yield _episode(group, keys)
            except LayoutError as error:
                raise UserError(f"{path}: data/{name}: {error}") from error
            except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
                raise UserError(f"{path}: data/{name} cannot be read: {error}") from error


def _episode(group: h5py.Group, keys: Keys) -> Episode:
    actions = checked_array(group, keys.actions, "biuf").read_numbers()
    parts = [checked_array(group, name, "biuf").read_numbers() for name in keys.proprio]
    frames = {c: checked_array(group, name, "u").read() for c, name in keys.cameras}
    steps = len(actions)
    if actions.ndim != 2 or not steps:
        raise LayoutError(f"{keys.actions} has shape {actions.shape}, expected (T, A)")
    lengths = {len(part) for part in (*parts, *frames.values())}
    if lengths != {steps}:
        raise LayoutError(f"{steps} actions, but {sorted(lengths)} observations")
    for camera, found in frames.items():
        if found.ndim != 4 or found.shape[3] != 3 or found.dtype != np.uint8:
            raise LayoutError(f"{camera} has shape {found.shape}, expected (T, h, w, 3) uint8")
    return Episode(
        frames=frames,
        proprio=np.concatenate([part.reshape(steps, -1) for part in parts], axis=1),
        actions=actions,
        **unknown(actions),
        success=_worked(group),
        seed=checked_seed(group),
        instruction=checked_instruction(group),
    )


def _worked(group: h5py.Group) -> bool:
    """By the last reward, where there is one, or the last done: most such data only succeeds."""
    for name in ("rewards", "dones"):
        if name in group:
            values = checked_array(group, name, "biuf").read_numbers()
            return bool(len(values) and values[-1] > 0)
    return True
