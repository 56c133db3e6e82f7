"""Writes a dataset episode by episode; it appears whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, final

import h5py

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, write_episode


@final
class DatasetWriter:
    """In its `with` block episodes are added; at its end the file is there, unless it is empty."""

    def __init__(self, path: Path, described: dict[str, Any]) -> None:
        """`described` is what robomimic calls env_args."""
        if path.exists():
            raise UserError(f"{path}: exists already; remove it or choose another --out")
        self.path, self._described = path, described
        self.episodes = self.steps = 0

    def __enter__(self) -> DatasetWriter:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._partial = self.path.with_suffix(".partial")
            self._file = h5py.File(self._partial, "w")
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error}") from error
        self._data = self._file.create_group("data")
        return self

    def add(self, episode: Episode) -> None:
        """Write an episode at the end."""
        try:
            write_episode(self._data.create_group(f"demo_{self.episodes}"), episode)
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"{self.path}: an episode could not be written ({error}); make room on that disk, "
                "and run the same command again"
            ) from error
        self.episodes += 1
        self.steps += len(episode.actions)

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._data.attrs["total"] = self.steps
        self._data.attrs["env_args"] = json.dumps(self._described)
        self._file.close()
        if kind is None and self.episodes:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)
