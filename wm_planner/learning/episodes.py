"""Episodes on disk: HDF5 in robomimic's layout (https://robomimic.github.io/docs/datasets/overview).

data/demo_i/{obs/<camera>_image (T, h, w, 3) uint8, obs/proprio (T, P), actions (T, A), dones (T,)}
is what a real robot has; its last entry of dones says whether it worked, ones before it since when
it was done, where an episode went on; its attribute `instruction` says in words what was to be
done. Privileged, from simulation only: rewards (T,), expert_actions (T, A), landmarks (T, K).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from wm_planner.envs.tasks import TASKS
from wm_planner.errors import UserError
from wm_planner.learning.layout import (
    PRIVILEGED,
    LayoutError,
    checked_arrays,
    checked_group,
    checked_instruction,
    checked_seed,
)

BY_PLANNER = "planner"  # demonstrator of a model's own tries
_MAX_DESCRIPTION = 2**16  # characters of what a dataset says of itself
_DEMO = re.compile(r"demo_[0-9]{1,9}")


class Episode(NamedTuple):
    """One episode of T control steps; entry t belongs to the state before action t."""

    frames: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8
    proprio: np.ndarray  # (T, P) float32
    actions: np.ndarray  # (T, A) float32, as executed
    rewards: np.ndarray  # (T,) float32, after action t; NaN where not known
    expert_actions: np.ndarray  # (T, A) float32, NaN where there is no label
    landmarks: np.ndarray  # (T, K) float32, NaN where not known
    success: bool
    seed: int
    instruction: str = ""  # what was to be done, in words; empty where nobody said
    lingered: int = 0  # last steps that were taken when it was done already

    @property
    def dones(self) -> np.ndarray:
        """Whether the task is done after action t, (T,) uint8."""
        first = len(self.actions) - 1 - self.lingered
        return (self.success & (np.arange(len(self.actions)) >= first)).astype(np.uint8)


def from_step(episode: Episode, first: int) -> Episode:
    """What of it there was from a step on, which is before it lingered."""
    parts = {name: values[first:] for name, values in episode.frames.items()}
    rest = {name: getattr(episode, name)[first:] for name in ("proprio", "actions", *PRIVILEGED)}
    return episode._replace(frames=parts, **rest)


def write_episode(group: h5py.Group, episode: Episode) -> None:
    """Write one demo_i group."""
    for camera, frames in episode.frames.items():
        chunks = (min(16, len(frames)), *frames.shape[1:])
        group.create_dataset(
            f"obs/{camera}_image",
            data=frames,
            chunks=chunks,
            compression="gzip",
            compression_opts=1,
        )
    group["obs/proprio"] = episode.proprio
    group["actions"] = episode.actions
    group["dones"] = episode.dones
    for name in PRIVILEGED:
        values = getattr(episode, name)
        if values.size and np.isfinite(values).any():
            group[name] = values
    group.attrs["num_samples"] = len(episode.actions)
    group.attrs["seed"] = episode.seed
    if episode.instruction:
        group.attrs["instruction"] = episode.instruction


def without_privileges(episode: Episode) -> Episode:
    """What a robot's own file of it would hold."""
    return episode._replace(**unknown(episode.actions))


def unknown(actions: np.ndarray) -> dict[str, Any]:
    """Privileged fields of an episode with actions (T, A) of which nothing is known."""
    steps = len(actions)
    return {
        "rewards": np.full(steps, np.nan, np.float32),
        "expert_actions": np.full_like(actions, np.nan),
        "landmarks": np.full((steps, 0), np.nan, np.float32),
    }


def read_episode(group: h5py.Group, privileged: bool = True) -> Episode:
    """Read one demo_i group; what is privileged is NaN where it is absent, or not wanted.

    Unless `privileged` these fields of the file are not even looked at.
    """
    place = f"{group.file.filename}: {group.name}"
    try:
        arrays = checked_arrays(group, privileged)
        actions = arrays["actions"].read_numbers()
        known = {
            name: arrays[name].read_numbers(known=name == "rewards")
            for name in PRIVILEGED
            if name in arrays
        }
        dones = arrays["dones"].read() != 0
        return Episode(
            frames={
                name.removeprefix("obs/").removesuffix("_image"): array.read()
                for name, array in arrays.items()
                if name.endswith("_image")
            },
            proprio=arrays["obs/proprio"].read_numbers(),
            actions=actions,
            **{**unknown(actions), **known},
            success=bool(dones[-1]),
            seed=checked_seed(group),
            instruction=checked_instruction(group),
            lingered=max(0, _last_ones(dones) - 1),
        )
    except LayoutError as error:
        raise UserError(f"{place}: {error}") from error
    except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise UserError(
            f"{place} cannot be read ({error}); "
            "expected robomimic's layout, collect it again or remove that group"
        ) from error


def _last_ones(flags: np.ndarray) -> int:
    """How many at the end of (T,) are true."""
    return int(np.logical_and.accumulate(flags[::-1]).sum())


def open_dataset(path: Path) -> h5py.File:
    """Open a dataset for reading; a missing, foreign, short or empty file is a UserError."""
    if not path.is_file():
        raise UserError(f"{path}: no such dataset; make one with 'wm_planner collect --out {path}'")
    try:
        file = h5py.File(path, "r")
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path}: not a whole HDF5 file ({error}); it may have been cut short, collect it again"
        ) from error
    try:
        empty = not len(checked_group(file, "data"))
    except (KeyError, OSError, ValueError, RuntimeError) as error:
        file.close()
        raise UserError(
            f"{path}: holds no episodes under data/demo_* ({error}); collect some first"
        ) from error
    if empty:
        file.close()
        raise UserError(f"{path}: holds no episodes under data/demo_*; collect some first")
    return file


def read_episodes(path: Path, limit: int | None = None) -> Iterator[Episode]:
    """The first `limit` episodes of a dataset, in the order of their numbers."""
    with open_dataset(path) as file:
        for name in demo_names(file)[:limit]:
            yield read_episode(demo(file, name))


def demo_names(file: h5py.File) -> list[str]:
    """The groups of a dataset's episodes, in the order of their numbers."""
    try:
        names = list(file["data"])
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"{file.filename}: data cannot be read ({error}); collect it again"
        ) from error
    for name in names:
        if not isinstance(name, str) or not _DEMO.fullmatch(name):
            raise UserError(
                f"{file.filename}: data/{name!a} is no episode, expected demo_<number>; rename it"
            )
    return sorted(names, key=lambda name: int(name.removeprefix("demo_")))


def demo(file: h5py.File, name: str) -> h5py.Group:
    """The group of an episode, which is in the file itself."""
    try:
        return checked_group(file["data"], name)
    except (KeyError, OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{file.filename}: data/{name} is no group ({error}); remove it") from error


def description(file: h5py.File) -> dict[str, Any]:
    """What a dataset says of itself, robomimic's env_args; nothing if that is not short JSON."""
    try:
        text = file["data"].attrs.get("env_args", "{}")
        short = isinstance(text, str) and len(text) <= _MAX_DESCRIPTION
        values = json.loads(text) if short else {}
    except (KeyError, OSError, RecursionError, RuntimeError, TypeError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def task_of(file: h5py.File) -> list[str]:
    """The task that a dataset is of, if it says so, and there is such a task."""
    name = description(file).get("env_name")
    return [name] if isinstance(name, str) and name in TASKS else []


def flown_by_planner(file: h5py.File) -> bool:
    """Whether a dataset says that a planner acted in it, of which nobody's hands were late."""
    return description(file).get("demonstrator") == BY_PLANNER


def merge_episodes(parts: list[Path], out: Path, env_args: dict) -> None:
    """Join one-episode files into one dataset; `out` appears whole or not at all."""
    partial = out.with_suffix(".partial")
    total = 0
    with h5py.File(partial, "w") as file:
        data = file.create_group("data")
        for i, part in enumerate(parts):
            with h5py.File(part, "r") as source:
                source.copy("data/demo_0", data, f"demo_{i}")
            total += int(data[f"demo_{i}"].attrs["num_samples"])
        data.attrs["total"] = total
        data.attrs["env_args"] = json.dumps(env_args)
    partial.replace(out)
