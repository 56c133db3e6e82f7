"""A dataset in LeRobot's format 3.0: many episodes a file."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, final

import numpy as np

from wm_planner.learning.episodes import Episode
from wm_planner.learning.lerobot.statistics import joined
from wm_planner.learning.lerobot.video import VideoFile
from wm_planner.learning.lerobot.writer import MOST_FILES, LeRobotWriter, Statistics, key

_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
_MOST_MB = 200  # of a video file; then comes the next one


class _Part(NamedTuple):
    """Where a camera's frames of an episode begin."""

    number: int  # of the video file
    start: float  # s


@final
class Format3Writer(LeRobotWriter):
    """One parquet file, its index another, and videos of up to 200 MB."""

    version = "v3.0"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._videos: dict[str, VideoFile] = {}
        self._numbers: dict[str, int] = {}  # of the video file that is written
        self._index: list[dict[str, Any]] = []
        self._rows: list[Any] = []  # a table for each episode
        self._statistics: dict[str, list[dict[str, np.ndarray]]] = {}

    def _put(self, episode: Episode, table: Any, statistics: Statistics) -> None:
        steps = len(episode.actions)
        row = self._head(episode) | {
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + steps,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for camera, frames in episode.frames.items():
            part = self._film(key(camera), frames)
            row |= {
                f"videos/{key(camera)}/chunk_index": part.number // MOST_FILES,
                f"videos/{key(camera)}/file_index": part.number % MOST_FILES,
                f"videos/{key(camera)}/from_timestamp": part.start,
                f"videos/{key(camera)}/to_timestamp": part.start + steps / self._fps,
            }
        for name, found in statistics.items():
            self._statistics.setdefault(name, []).append(found)
            row |= {f"stats/{name}/{kind}": value.tolist() for kind, value in found.items()}
        self._rows.append(table)
        self._index.append(row)

    def _film(self, name: str, frames: np.ndarray) -> _Part:
        video = self._videos.get(name)
        if video is not None and video.path.stat().st_size > _MOST_MB * 2**20:
            video.close()
            self._numbers[name] += 1
            video = None
        if video is None:
            number = self._numbers.setdefault(name, 0)
            place = _FILE.format(chunk_index=number // MOST_FILES, file_index=number % MOST_FILES)
            video = VideoFile(self._root / "videos" / name / f"{place}.mp4", self._fps, self._codec)
            self._videos[name] = video
        start = video.frames / self._fps
        for frame in frames:
            video.add(frame)
        return _Part(self._numbers[name], start)

    def _close(self) -> None:
        for video in self._videos.values():
            video.close()

    def _finish(self) -> None:
        first = _FILE.format(chunk_index=0, file_index=0)
        self._write(f"data/{first}.parquet", self._arrow.concat_tables(self._rows))
        self._write(f"meta/episodes/{first}.parquet", self._arrow.Table.from_pylist(self._index))
        self._write("meta/tasks.parquet", self._tasks_table())
        statistics = {name: joined(parts) for name, parts in self._statistics.items()}
        (self._root / "meta" / "stats.json").write_text(json.dumps(statistics, indent=1))

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

    def _places(self) -> dict[str, Any]:
        return {
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": _MOST_MB,
            "data_path": f"data/{_FILE}.parquet",
            "video_path": f"videos/{{video_key}}/{_FILE}.mp4",
        }
