"""What LeRobot's formats have in common when one is written: columns, features, statistics."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode
from wm_planner.learning.lerobot.optional import needed
from wm_planner.learning.lerobot.statistics import of_frames, of_numbers

MOST_FILES = 1000  # of a chunk
Statistics = dict[str, dict[str, np.ndarray]]
"""Of each feature of an episode."""

_UNNAMED = "do what is shown"
_COUNTERS = {"frame_index": "int64", "episode_index": "int64", "index": "int64",
             "task_index": "int64", "timestamp": "float32"}  # fmt: skip
_WIDE = ("observation.state", "action")


class LeRobotWriter(ABC):
    """In its `with` block episodes are added; at its end the dataset is whole.

    A folder that is not whole has no meta/info.json.
    """

    version: ClassVar[str]
    """As meta/info.json has it."""

    def __init__(self, root: Path, fps: float, robot: str, codec: str) -> None:
        if root.exists():
            raise UserError(f"{root}: exists already; remove it or choose another --out")
        self._root, self._fps, self._robot, self._codec = root, fps, robot, codec
        self._arrow, self._parquet = needed("pyarrow"), needed("pyarrow.parquet")
        self._tasks: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.episodes = self.frames = 0

    def __enter__(self) -> LeRobotWriter:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._close()
        if kind is None and self.episodes:
            self._finish()
            info = json.dumps(self._info() | self._places(), indent=4)
            (self._root / "meta" / "info.json").write_text(info)

    def add(self, episode: Episode) -> None:
        """Write an episode at the end; all are of the same cameras and sizes."""
        numbers = self._columns(episode)
        shapes = {name: column.shape[1:] for name, column in numbers.items()}
        shapes |= {key(camera): frames.shape[1:] for camera, frames in episode.frames.items()}
        self._shapes = self._shapes or shapes
        if shapes != self._shapes:
            raise UserError(
                f"episode {self.episodes} has {shapes}, those before {self._shapes}; "
                "LeRobot's datasets are of one shape"
            )
        statistics = {n: of_numbers(values.astype(np.float64)) for n, values in numbers.items()}
        statistics |= {key(c): of_frames(frames) for c, frames in episode.frames.items()}
        self._put(episode, self._table(numbers), statistics)
        self.episodes += 1
        self.frames += len(episode.actions)

    @abstractmethod
    def _put(self, episode: Episode, table: Any, statistics: Statistics) -> None:
        """Write an episode and remember what the index is to say of it."""

    @abstractmethod
    def _close(self) -> None:
        """Close the files that are open."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what the dataset says of itself, but for meta/info.json."""

    @abstractmethod
    def _places(self) -> dict[str, Any]:
        """What meta/info.json says in this format alone, above all where the files are."""

    def _head(self, episode: Episode) -> dict[str, Any]:
        """What the index says of an episode in every format."""
        return {
            "episode_index": self.episodes,
            "tasks": [episode.instruction or _UNNAMED],
            "length": len(episode.actions),
        }

    def _write(self, name: str, table: Any) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._parquet.write_table(table, path, compression="snappy")

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        """What is in the table, (T, N) each."""
        steps = len(episode.actions)
        task = self._tasks.setdefault(episode.instruction or _UNNAMED, len(self._tasks))
        index = np.arange(steps)
        success = np.zeros(steps, bool)
        success[-1] = episode.success
        found: dict[str, np.ndarray] = {
            "observation.state": episode.proprio.astype(np.float32),
            "action": episode.actions.astype(np.float32),
            "next.success": success,
            "timestamp": (index / self._fps).astype(np.float32),
            "frame_index": index,
            "episode_index": np.full(steps, self.episodes),
            "index": self.frames + index,
            "task_index": np.full(steps, task),
        }
        return {name: column.reshape(steps, -1) for name, column in found.items()}

    def _table(self, numbers: dict[str, np.ndarray]) -> Any:
        columns = {}
        for name, values in numbers.items():
            flat = self._arrow.array(values.ravel())
            columns[name] = (
                self._arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
                if name in _WIDE
                else flat
            )
        return self._arrow.table(columns)

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": self.version,
            "robot_type": self._robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self._tasks),
            "chunks_size": MOST_FILES,
            "fps": round(self._fps) if float(self._fps).is_integer() else self._fps,
            "splits": {"train": f"0:{self.episodes}"},
            "features": {name: _feature(name, shape) for name, shape in self._shapes.items()},
        }


def key(camera: str) -> str:
    """A camera's feature."""
    return f"observation.images.{camera}"


def _feature(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    picture = name.startswith("observation.images.")
    dtype = "video" if picture else _COUNTERS.get(name, "float32")
    names = ["height", "width", "channels"] if picture else None
    dtype = "bool" if name == "next.success" else dtype
    return {"dtype": dtype, "shape": list(shape), "names": names}
