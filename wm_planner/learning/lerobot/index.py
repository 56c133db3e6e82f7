"""Where the episodes of a LeRobot dataset are, in versions 2 and 3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.errors import UserError
from wm_planner.learning.lerobot.info import Info, parse_json
from wm_planner.learning.lerobot.parquet import read_columns
from wm_planner.safe_yaml import read_text

_MAX_EPISODES = 10**6
_MAX_BYTES = 2**28


class Place(NamedTuple):
    """A part of a video file."""

    file: Path
    start: float  # s


class Entry(NamedTuple):
    """An episode."""

    number: int
    instruction: str
    data: Path
    videos: dict[str, Place]  # by the camera's feature


def entries(info: Info) -> Iterator[Entry]:
    """All episodes, in their order."""
    read = _of_version_2 if info.version == 2 else _of_version_3
    seen: set[int] = set()
    for entry in read(info):
        if len(seen) >= _MAX_EPISODES:
            raise UserError(f"{info.root}: more than {_MAX_EPISODES} episodes")
        if entry.number in seen:
            raise UserError(f"{info.root}: episode {entry.number} is there twice")
        seen.add(entry.number)
        yield entry


def _of_version_2(info: Info) -> Iterator[Entry]:
    path = info.root / "meta" / "episodes.jsonl"
    for line in read_text(path, _MAX_BYTES).splitlines():
        row = parse_json(line, path)
        number = _whole(row, "episode_index", info)
        places = {"episode_chunk": number // info.chunk_size, "episode_index": number}
        videos = {
            key: Place(info.file(info.video_path, video_key=key, **places), 0.0)
            for key in _videos(info)
        }
        yield Entry(number, _words(row.get("tasks")), info.file(info.data_path, **places), videos)


def _of_version_3(info: Info) -> Iterator[Entry]:
    for path in sorted((info.root / "meta" / "episodes").glob("*/*.parquet")):
        wanted = ["episode_index", "tasks", "data/chunk_index", "data/file_index"]
        parts = ("chunk_index", "file_index", "from_timestamp")
        wanted += [f"videos/{key}/{part}" for key in _videos(info) for part in parts]
        for row in read_columns(path, wanted).to_pylist():
            yield _entry_of_version_3(info, row)


def _entry_of_version_3(info: Info, row: dict[str, Any]) -> Entry:
    def places(prefix: str) -> dict[str, int | str]:
        return {n: _whole(row, f"{prefix}/{n}", info) for n in ("chunk_index", "file_index")}

    videos = {}
    for key in _videos(info):
        start = row.get(f"videos/{key}/from_timestamp")
        if not isinstance(start, int | float) or not 0 <= start < 1e7:
            raise UserError(f"{info.root}: an episode's video of {key} begins at {start!r} s")
        file = info.file(info.video_path, video_key=key, **places(f"videos/{key}"))
        videos[key] = Place(file, float(start))
    data = info.file(info.data_path, **places("data"))
    number = _whole(row, "episode_index", info)
    return Entry(number, _words(row.get("tasks")), data, videos)


def _videos(info: Info) -> list[str]:
    return [key for key, feature in info.features.items() if feature.dtype == "video"]


def _whole(row: Any, key: str, info: Info) -> int:
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise UserError(f"{info.root}: an episode's {key} is {value!r}, expected a whole number")
    return value


def _words(tasks: Any) -> str:
    """The first task; what cannot be printed is left out."""
    first = tasks[0] if isinstance(tasks, list) and tasks else ""
    return "".join(c for c in str(first) if c.isprintable())[:200]
