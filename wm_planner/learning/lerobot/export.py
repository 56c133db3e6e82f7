"""A dataset in LeRobot's format 3.0, so that its policies can be trained on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode
from wm_planner.learning.lerobot.optional import needed
from wm_planner.learning.lerobot.statistics import joined, of_frames, of_numbers
from wm_planner.learning.lerobot.video import VideoFile

_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
_MOST_MB = 200  # of a video file; then comes the next one
_MOST_FILES = 1000  # of a chunk
_UNNAMED = "do what is shown"
_COUNTERS = {"frame_index": "int64", "episode_index": "int64", "index": "int64",
             "task_index": "int64", "timestamp": "float32"}  # fmt: skip


class _Part(NamedTuple):
    """Where a camera's frames of an episode begin."""

    number: int  # of the video file
    start: float  # s


@final
class LeRobotWriter:
    """In its `with` block episodes are added; at its end the dataset is whole.

    A folder that is not whole has no meta/info.json.
    """

    def __init__(self, root: Path, fps: float, robot: str, codec: str) -> None:
        if root.exists():
            raise UserError(f"{root}: exists already; remove it or choose another --out")
        self._root, self._fps, self._robot, self._codec = root, fps, robot, codec
        self._arrow, self._parquet = needed("pyarrow"), needed("pyarrow.parquet")
        self._videos: dict[str, VideoFile] = {}
        self._numbers: dict[str, int] = {}  # of the video file that is written
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, Any]] = []
        self._rows: list[Any] = []  # a table for each episode
        self._statistics: dict[str, list[dict[str, np.ndarray]]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.frames = 0

    def __enter__(self) -> LeRobotWriter:
        return self

    def add(self, episode: Episode) -> None:
        """Write an episode at the end; all are of the same cameras and sizes."""
        steps = len(episode.actions)
        numbers = self._columns(episode)
        shapes = {name: column.shape[1:] for name, column in numbers.items()}
        shapes |= {_key(camera): frames.shape[1:] for camera, frames in episode.frames.items()}
        self._shapes = self._shapes or shapes
        if shapes != self._shapes:
            raise UserError(
                f"episode {len(self._episodes)} has {shapes}, those before {self._shapes}; "
                "LeRobot's datasets are of one shape"
            )
        row: dict[str, Any] = {
            "episode_index": len(self._episodes),
            "tasks": [episode.instruction or _UNNAMED],
            "length": steps,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + steps,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for camera, frames in episode.frames.items():
            part = self._film(_key(camera), frames)
            row |= {
                f"videos/{_key(camera)}/chunk_index": part.number // _MOST_FILES,
                f"videos/{_key(camera)}/file_index": part.number % _MOST_FILES,
                f"videos/{_key(camera)}/from_timestamp": part.start,
                f"videos/{_key(camera)}/to_timestamp": part.start + steps / self._fps,
            }
        for name, statistics in self._measured(episode, numbers).items():
            self._statistics.setdefault(name, []).append(statistics)
            row |= {f"stats/{name}/{key}": value.tolist() for key, value in statistics.items()}
        self._rows.append(self._table(numbers))
        self._episodes.append(row)
        self.frames += steps

    def __exit__(self, kind: type | None, *_: object) -> None:
        for video in self._videos.values():
            video.close()
        if kind is None and self._episodes:
            self._finish()

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        """What is in the table, (T, N) each."""
        steps, number = len(episode.actions), len(self._episodes)
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
            "episode_index": np.full(steps, number),
            "index": self.frames + index,
            "task_index": np.full(steps, task),
        }
        return {name: column.reshape(steps, -1) for name, column in found.items()}

    def _table(self, numbers: dict[str, np.ndarray]) -> Any:
        columns = {}
        for name, values in numbers.items():
            flat = self._arrow.array(values.ravel())
            wide = name in ("observation.state", "action")
            columns[name] = (
                self._arrow.FixedSizeListArray.from_arrays(flat, values.shape[1]) if wide else flat
            )
        return self._arrow.table(columns)

    def _measured(
        self, episode: Episode, numbers: dict[str, np.ndarray]
    ) -> dict[str, dict[str, np.ndarray]]:
        found = {name: of_numbers(values.astype(np.float64)) for name, values in numbers.items()}
        return found | {_key(c): of_frames(frames) for c, frames in episode.frames.items()}

    def _film(self, key: str, frames: np.ndarray) -> _Part:
        video = self._videos.get(key)
        if video is not None and video.path.stat().st_size > _MOST_MB * 2**20:
            video.close()
            self._numbers[key] += 1
            video = None
        if video is None:
            number = self._numbers.setdefault(key, 0)
            place = _FILE.format(chunk_index=number // _MOST_FILES, file_index=number % _MOST_FILES)
            video = VideoFile(self._root / "videos" / key / f"{place}.mp4", self._fps, self._codec)
            self._videos[key] = video
        start = video.frames / self._fps
        for frame in frames:
            video.add(frame)
        return _Part(self._numbers[key], start)

    def _finish(self) -> None:
        first = _FILE.format(chunk_index=0, file_index=0)
        self._write(f"data/{first}.parquet", self._arrow.concat_tables(self._rows))
        self._write(f"meta/episodes/{first}.parquet", self._arrow.Table.from_pylist(self._episodes))
        self._write("meta/tasks.parquet", self._tasks_table())
        statistics = {name: joined(parts) for name, parts in self._statistics.items()}
        (self._root / "meta" / "stats.json").write_text(json.dumps(statistics, indent=1))
        (self._root / "meta" / "info.json").write_text(json.dumps(self._info(), indent=4))

    def _write(self, name: str, table: Any) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._parquet.write_table(table, path, compression="snappy")

    def _tasks_table(self) -> Any:
        """As pandas writes a frame whose index are the tasks."""
        index = "__index_level_0__"
        columns = [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64",
             "numpy_type": "int64", "metadata": None},
            {"name": None, "field_name": index, "pandas_type": "unicode",
             "numpy_type": "object", "metadata": None},
        ]  # fmt: skip
        pandas = {"index_columns": [index], "column_indexes": [], "columns": columns}
        table = self._arrow.table({"task_index": [*self._tasks.values()], index: [*self._tasks]})
        return table.replace_schema_metadata({"pandas": json.dumps(pandas)})

    def _info(self) -> dict[str, Any]:
        features: dict[str, Any] = {}
        for name, shape in self._shapes.items():
            picture = name.startswith("observation.images.")
            dtype = "video" if picture else _COUNTERS.get(name, "float32")
            names = ["height", "width", "channels"] if picture else None
            dtype = "bool" if name == "next.success" else dtype
            features[name] = {"dtype": dtype, "shape": list(shape), "names": names}
        return {
            "codebase_version": "v3.0",
            "robot_type": self._robot,
            "total_episodes": len(self._episodes),
            "total_frames": self.frames,
            "total_tasks": len(self._tasks),
            "chunks_size": _MOST_FILES,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": _MOST_MB,
            "fps": round(self._fps) if float(self._fps).is_integer() else self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": f"data/{_FILE}.parquet",
            "video_path": f"videos/{{video_key}}/{_FILE}.mp4",
            "features": features,
        }


def _key(camera: str) -> str:
    return f"observation.images.{camera}"
