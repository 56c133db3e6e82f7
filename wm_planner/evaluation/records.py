"""Trials on disk: settings.json says what was run, trials.jsonl holds a line for each trial.

A line is written, and on the disk, as its trial ends. A run that was killed leaves whole lines
and at most one cut short, which is dropped when the run goes on.
"""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.errors import UserError
from wm_planner.evaluation.run_checks import (
    ENDINGS,
    check_links,
    check_settings,
    check_trial,
    parse_json,
)
from wm_planner.safe_yaml import read_text

__all__ = [
    "ENDINGS", "Trial", "TrialLog", "check_same", "explained", "read_run", "write_json",
    "write_whole",
]  # fmt: skip

_MAY_DIFFER = ("git", "machine", "model.card")  # of a run that goes on elsewhere or later
_MAX_LINE = 2**23  # bytes; an hour at 10 Hz has two million
_MAX_LOG = 2**28  # bytes; ten thousand trials have fifty million
_MAX_SETTINGS = 2**22  # bytes


class Trial(NamedTuple):
    """How one trial went; lists have an entry for each control step."""

    planner: str  # "mppi", "mppi without prior", "prior", ...
    seed: int
    success: bool  # the outcome
    ended: str  # why it ended, one of ENDINGS
    steps: int
    seconds: float  # of the robot's time, start to end
    reached: list[int]  # which of the task's stages it was in after each step
    rewards: list[float]
    expected_returns: list[float]  # by the planner, discounted, from each step; NaN: imagined none
    plan_ms: list[float]  # encoding and searching
    frame_to_command_ms: list[float]
    strip: str = ""  # picture of what happened and what was imagined, relative to the run's folder
    video: str = ""  # relative to the run's folder
    bag: str = ""  # folder of a rosbag2 recording, relative to the run's folder

    def failure(self, stages: Sequence[str]) -> str:
        """What went wrong, in words that failures share; empty for a success."""
        if self.success:
            return ""
        if self.ended != "time limit":
            return self.ended
        best, last = max(self.reached, default=0), (self.reached or [0])[-1]
        if best == last:
            return f"stayed at '{stages[best]}'"
        return f"fell back from '{stages[best]}' to '{stages[last]}'"


class TrialLog:
    """The trials of a run, those of an earlier, killed process included."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open or go on with a run; one of other settings is a UserError, and is left alone."""
        self.path = folder / "trials.jsonl"
        settings = _plain(settings)
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _check_folder(folder)
            described = folder / "settings.json"
            if described.exists():
                check_same(folder, _settings(described), settings)
            else:
                write_json(described, settings)
            self.trials, whole = _read(self.path) if self.path.exists() else ([], 0)
            _check_stages(self.path, self.trials, settings)
            self._file = self.path.open("ab")
            if self.path.is_file():
                self._file.truncate(whole)

    def add(self, trial: Trial) -> None:
        """Write a finished trial; it is on the disk when this returns."""
        line = json.dumps(_plain(trial._asdict())) + "\n"
        with explained(self.path, f"{len(self.trials)} finished trials are safe"):
            self._file.write(line.encode())
            self._file.flush()
            if self.path.is_file():
                os.fsync(self._file.fileno())
        self.trials.append(trial)

    def close(self) -> None:
        with suppress(OSError):  # a full disk was reported when the trial was written
            self._file.close()


def read_run(folder: Path) -> tuple[dict[str, Any], list[Trial]]:
    """Settings and trials of a run's folder; a UserError says what is missing."""
    described, path = folder / "settings.json", folder / "trials.jsonl"
    for file in (described, path):
        if not file.is_file():
            raise UserError(
                f"{file}: no such file; expected a folder written by 'wm_planner trials --out'"
            )
    _check_folder(folder)
    trials, _ = _read(path)
    if not trials:
        raise UserError(f"{path}: holds no finished trial; let 'wm_planner trials' go on")
    return _settings(described), trials


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a file of results, whole or not at all."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(_plain(values), indent=2))


def write_whole(path: Path, text: str) -> None:
    """Write a file, whole or not at all; a link of its name is replaced, never followed."""
    with explained(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as fresh:
        partial = Path(fresh) / path.name
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)


def _read(path: Path) -> tuple[list[Trial], int]:
    """Whole lines, and how many bytes they are."""
    if not path.is_file():
        return [], 0
    if (size := path.stat().st_size) > _MAX_LOG:
        raise UserError(f"{path}: {size} bytes, at most {_MAX_LOG} are read; choose another --out")
    trials: list[Trial] = []
    whole = 0
    with path.open("rb") as file:
        while (line := file.readline(_MAX_LINE)).endswith(b"\n"):
            try:
                trials.append(Trial(**check_trial(parse_json(line))))
            except ValueError as error:
                raise UserError(
                    f"{path}: line {len(trials) + 1} is no trial ({error}); remove that line, or "
                    "choose another --out"
                ) from error
            whole += len(line)
    if len(line) == _MAX_LINE:
        raise UserError(f"{path}: line {len(trials) + 1} has more than {_MAX_LINE} bytes")
    return trials, whole


def _settings(path: Path) -> dict[str, Any]:
    try:
        return check_settings(parse_json(read_text(path, _MAX_SETTINGS)))
    except ValueError as error:
        raise UserError(
            f"{path}: not the settings of a run ({error}); remove the folder and run again"
        ) from error


def _check_folder(folder: Path) -> None:
    try:
        check_links(folder)
    except ValueError as error:
        raise UserError(f"{folder}: {error}") from error


def _check_stages(path: Path, trials: Sequence[Trial], settings: dict[str, Any]) -> None:
    """The stages that trials reached are those of the task."""
    stages = settings.get("stages")
    highest = max((stage for trial in trials for stage in trial.reached), default=0)
    if stages and highest >= len(stages):
        raise UserError(f"{path}: a trial reached stage {highest}, the task has {len(stages)}")


def check_same(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise a UserError unless a folder's run was of the wanted settings, but for the machine."""
    for key, was, now in _differences(found, wanted):
        if key not in _MAY_DIFFER:
            raise UserError(
                f"{folder}: holds trials of other settings: {key} was {was}, is now {now}; "
                "run those again, choose another --out or remove the folder"
            )


def _differences(
    was: dict[str, Any], now: dict[str, Any], within: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Names of what differs, by dots where it lies within something, and both values."""
    for key in dict.fromkeys((*was, *now)):
        before, after = was.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{within}{key}.")
        elif before != after:
            yield f"{within}{key}", before, after


def _plain(value: Any) -> Any:
    """For JSON: paths as text, what is not a number as null, tuples as lists."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


@contextmanager
def explained(path: Path, reassurance: str = "nothing was lost") -> Iterator[None]:
    """Turns what a disk refuses into a UserError that names the way out."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "free some space" if full else "choose a folder that can be written"
        raise UserError(
            f"{path}: {error.strerror or error}; {reassurance}, {way_out} and run the same "
            "command again"
        ) from error
