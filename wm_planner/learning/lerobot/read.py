"""Episodes of a LeRobot dataset as somebody recorded them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.layout import MAX_BYTES
from wm_planner.learning.lerobot.index import Entry, entries
from wm_planner.learning.lerobot.info import Info, read_info
from wm_planner.learning.lerobot.parquet import read_columns, rows_where
from wm_planner.learning.lerobot.video import read_frames
from wm_planner.perception.pictures import PictureError, decode_checked

_SUCCESS = ("next.success", "success")
_MAX_STEPS = 100_000
_MOST_NUMBERS = 2**27  # bytes of one column of an episode


class Shown(NamedTuple):
    """An episode of T steps, at the dataset's own rate."""

    number: int
    frames: dict[str, np.ndarray]  # (T, h, w, 3) uint8
    state: np.ndarray  # (T, P) float32
    actions: np.ndarray  # (T, A) float32
    times: np.ndarray  # (T,) s
    success: bool | None  # None: the dataset does not say
    instruction: str


class LeRobotReader:
    """Versions 2.0, 2.1 and 3.0: parquet, with videos or pictures."""

    def __init__(self, root: Path, actions: str, state: str) -> None:
        self.info: Info = read_info(root)
        self._actions, self._state = actions or "action", state or "observation.state"
        known = self.info.features
        for name, option in ((self._actions, "--actions"), (self._state, "--proprio")):
            if name not in known:
                raise UserError(f"{root}: no feature {name!r}; {option} takes one of {list(known)}")

    @property
    def cameras(self) -> list[str]:
        """Features that are pictures."""
        return [n for n, f in self.info.features.items() if f.dtype in ("video", "image")]

    def episodes(self, cameras: Sequence[str]) -> Iterator[Shown]:
        """With these of the cameras."""
        if missing := [name for name in cameras if name not in self.cameras]:
            raise UserError(f"{self.info.root}: no cameras {missing}; it has {self.cameras}")
        for entry in entries(self.info):
            yield self._read(entry, cameras)

    def _read(self, entry: Entry, cameras: Sequence[str]) -> Shown:
        place = f"{entry.data}: episode {entry.number}"
        pictures = [c for c in cameras if self.info.features[c].dtype == "image"]
        success = [name for name in _SUCCESS if name in self.info.features][:1]
        wanted = (self._actions, self._state, "timestamp", "episode_index", *pictures, *success)
        rows = rows_where(_table(entry.data, wanted), "episode_index", entry.number, entry.data)
        if not 0 < rows.num_rows <= _MAX_STEPS:
            raise UserError(f"{place}: {rows.num_rows} steps, expected 1 to {_MAX_STEPS}")
        times = _numbers(rows["timestamp"], place, 1)
        if (np.diff(times) <= 0).any():
            raise UserError(f"{place}: timestamps do not rise")
        self._check_size(len(times), cameras, place)
        frames = {}
        for camera in cameras:
            if camera in pictures:
                frames[camera] = _decoded(rows[camera], f"{place}: {camera}")
            else:
                video = entry.videos[camera]
                frames[camera] = read_frames(video.file, video.start, times, self.info.fps)
        worked = rows[success[0]].to_pylist()[-1] if success else None
        return Shown(
            entry.number,
            frames,
            _numbers(rows[self._state], place, 2),
            _numbers(rows[self._actions], place, 2),
            times,
            _flag(worked),
            entry.instruction,
        )

    def _check_size(self, steps: int, cameras: Sequence[str], place: str) -> None:
        for camera in cameras:
            size = steps * int(np.prod(self.info.features[camera].shape, dtype=object))
            if size > MAX_BYTES:
                raise UserError(f"{place}: {camera} has {size} bytes, at most {MAX_BYTES} are read")


@lru_cache(maxsize=1)
def _table(path: Path, columns: tuple[str, ...]) -> Any:
    """Of a file that holds many episodes one after the other."""
    return read_columns(path, columns)


def _flag(value: Any) -> bool | None:
    """A truth value, or the first of a list of them; None for what is none."""
    while isinstance(value, list):
        value = value[0] if value else None
    return bool(value) if isinstance(value, bool | int | float) else None


def _numbers(column: Any, place: str, axes: int) -> np.ndarray:
    if column.nbytes > _MOST_NUMBERS:
        raise UserError(f"{place}: {column.nbytes} bytes of numbers, at most {_MOST_NUMBERS}")
    try:
        values = np.array(column.to_pylist(), np.float32)
    except (ValueError, TypeError) as error:
        raise UserError(f"{place}: no numbers: {error}") from error
    if not values.size:
        raise UserError(f"{place}: expected numbers, got lists of nothing")
    values = values.reshape(len(values), -1)[:, 0] if axes == 1 else values
    values = values[:, None] if values.ndim < axes else values
    if values.ndim != axes or not np.isfinite(values).all():
        raise UserError(f"{place}: expected finite numbers on {axes} axes, got {values.shape}")
    return values.astype(np.float32)


def _decoded(column: Any, place: str) -> np.ndarray:
    pictures = []
    for value in column.to_pylist():
        data = value.get("bytes") if isinstance(value, dict) else None
        if not isinstance(data, bytes):
            raise UserError(f"{place}: a picture is not in the file itself")
        try:
            pictures.append(decode_checked(data)[:, :, ::-1])
        except PictureError as error:
            raise UserError(f"{place}: {error}") from error
    try:
        return np.ascontiguousarray(np.stack(pictures))
    except ValueError as error:
        raise UserError(f"{place}: pictures of different sizes: {error}") from error
