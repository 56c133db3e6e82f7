"""A dataset in LeRobot's format 2.1: a parquet file an episode, and a video of each camera."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, final

from wm_planner.learning.episodes import Episode
from wm_planner.learning.lerobot.video import VideoFile
from wm_planner.learning.lerobot.writer import MOST_FILES, LeRobotWriter, Statistics, key

_EPISODE = "episode_{episode_index:06d}"
_DATA = f"data/chunk-{{episode_chunk:03d}}/{_EPISODE}.parquet"
_VIDEO = f"videos/chunk-{{episode_chunk:03d}}/{{video_key}}/{_EPISODE}.mp4"
_KEPT = ("min", "max", "mean", "std", "count")  # of an episode's statistics


@final
class Format2Writer(LeRobotWriter):
    """The index is lines of JSON; statistics are of each episode."""

    version = "v2.1"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._index: list[dict[str, Any]] = []
        self._statistics: list[dict[str, Any]] = []
        self._cameras: tuple[str, ...] = ()

    def _put(self, episode: Episode, table: Any, statistics: Statistics) -> None:
        number, self._cameras = self.episodes, tuple(episode.frames)
        place = {"episode_chunk": number // MOST_FILES, "episode_index": number}
        self._write(_DATA.format(**place), table)
        for camera, frames in episode.frames.items():
            path = self._root / _VIDEO.format(video_key=key(camera), **place)
            video = VideoFile(path, self._fps, self._codec)
            for frame in frames:
                video.add(frame)
            video.close()
        self._index.append(self._head(episode))
        kept = {n: {k: found[k].tolist() for k in _KEPT} for n, found in statistics.items()}
        self._statistics.append({"episode_index": number, "stats": kept})

    def _close(self) -> None:
        """Every file is closed with its episode."""

    def _finish(self) -> None:
        tasks = [{"task_index": i, "task": task} for task, i in self._tasks.items()]
        self._write_lines("tasks", tasks)
        self._write_lines("episodes", self._index)
        self._write_lines("episodes_stats", self._statistics)

    def _write_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        path = self._root / "meta" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def _places(self) -> dict[str, Any]:
        return {
            "total_videos": self.episodes * len(self._cameras),
            "total_chunks": -(-self.episodes // MOST_FILES),
            "data_path": _DATA,
            "video_path": _VIDEO,
        }
