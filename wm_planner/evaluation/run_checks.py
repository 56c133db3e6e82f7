"""What the files of a run may hold. They may come from elsewhere, so nothing in them is believed.

All checks raise a ValueError that says what was found; the reader adds the file and the line.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

ENDINGS = ("success", "time limit", "safety stop", "fault", "operator stop")
_MAX_DEPTH = 32
_MAX_STEPS = 100_000  # of a trial: a day at 10 Hz would be nine times that
_MAX_STAGES = 100  # of a task
_MAX_NUMBER = 1e9
_MAX_INT = 2**63
_MAX_NAME = 200  # characters of a name or a path


def parse_json(text: str | bytes) -> Any:
    """A JSON value that is not nested too deeply and holds only finite numbers and whole text."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _check_plain(value, _MAX_DEPTH)
    return value


def check_trial(values: Any) -> dict[str, Any]:
    """The fields of a trial, each of its type and in its range; null is an unknown return."""
    if not isinstance(values, dict):
        raise ValueError(f"expected a mapping, got {type(values).__name__}")
    if unknown := sorted(values.keys() - _FIELDS.keys()):
        raise ValueError(f"unknown key {unknown[0][:_MAX_NAME]!r}; a trial has {list(_FIELDS)}")
    if missing := sorted(_FIELDS.keys() - _FILES - values.keys()):
        raise ValueError(f"lacks {missing}")
    for name, value in values.items():
        check, expected = _FIELDS[name]
        if not check(value):
            raise ValueError(f"{name} is {repr(value)[:_MAX_NAME]}, expected {expected}")
    guesses = [math.nan if value is None else value for value in values["expected_returns"]]
    return {**values, "expected_returns": guesses}


def check_settings(values: Any) -> dict[str, Any]:
    """Settings of which everything that is known has the type that its readers expect."""
    _check_types(values, _SETTINGS, "settings")
    _check_types(values.get("model", {}), _MODEL, "model")
    _check_types(
        values.get("machine", {}), dict.fromkeys(values.get("machine", {}), str), "machine"
    )
    stages = values.get("stages", [])
    if len(stages) > _MAX_STAGES or not all(map(_is_name, stages)):
        raise ValueError(f"stages is {str(stages)[:_MAX_NAME]}, expected up to {_MAX_STAGES} names")
    limit = values.get("config", {}).get("time_limit") or 0.0
    if not _is_number(limit) or limit < 0:
        raise ValueError(f"time_limit is {limit!r}, expected seconds")
    network = values.get("model", {}).get("config", {}).get("network")
    discount = network.get("discount", 0.5) if isinstance(network, dict) else 0.5
    if not _is_number(discount) or not 0 < discount < 1:
        raise ValueError(f"discount is {discount!r}, expected inside (0, 1)")
    return values


def check_links(folder: Path) -> None:
    """No link in the run's folder leads out of it to a file or a folder; devices are no harm."""
    inside = folder.resolve()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if not path.is_symlink():
                continue
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(inside) and not target.is_char_device():
                raise ValueError(f"{path} leads out of the run's folder, to {target}; remove it")


def inside(folder: Path, file: str) -> Path | None:
    """The regular file of that relative path in the folder; None if it is not there."""
    if not file or not _is_path(file):
        return None
    path = folder / file
    return path if path.is_file() and path.resolve().is_relative_to(folder.resolve()) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _check_plain(value: Any, levels: int) -> None:
    if levels <= 0:
        raise ValueError(f"nested in more than {_MAX_DEPTH} levels")
    if isinstance(value, float | int):
        if not abs(value) < (_MAX_INT if isinstance(value, int) else math.inf):
            raise ValueError("a number of more than 64 bits")
    elif isinstance(value, str):
        value.encode()  # half a surrogate pair cannot be written again: a UnicodeEncodeError
    elif isinstance(value, dict):
        for key, part in value.items():
            key.encode()
            _check_plain(part, levels - 1)
    elif isinstance(value, list):
        for part in value:
            _check_plain(part, levels - 1)


def _check_types(values: Any, expected: dict[str, type], name: str) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is of type {type(values).__name__}, expected a mapping")
    for key, kind in expected.items():
        if key in values and not isinstance(values[key], kind):
            raise ValueError(
                f"{name}: {key} is of type {type(values[key]).__name__}, expected {kind.__name__}"
            )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _MAX_NUMBER


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value < most


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_NAME


def _is_path(value: Any) -> bool:
    """Relative, and never up; empty for none."""
    if not _is_name(value) or "\\" in value or not value.isprintable():
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts


def _is_list(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda values: (
        isinstance(values, list) and len(values) <= _MAX_STEPS and all(map(check, values))
    )


_NUMBERS = (_is_list(_is_number), "a list of finite numbers")
_PATH = (_is_path, "a path inside the run's folder")
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "planner": (_is_name, "a name"),
    "seed": (lambda value: _is_count(value, _MAX_INT), "a whole number from 0 up"),
    "success": (lambda value: isinstance(value, bool), "true or false"),
    "ended": (lambda value: value in ENDINGS, f"one of {ENDINGS}"),
    "steps": (lambda value: _is_count(value, _MAX_STEPS), "a count"),
    "seconds": (lambda value: _is_number(value) and value >= 0, "seconds"),
    "reached": (_is_list(lambda value: _is_count(value, _MAX_STAGES)), "a list of stages"),
    "rewards": _NUMBERS,
    "expected_returns": (
        _is_list(lambda value: value is None or _is_number(value)),
        "a list of numbers and nulls",
    ),
    "plan_ms": _NUMBERS,
    "frame_to_command_ms": _NUMBERS,
    "strip": _PATH,
    "video": _PATH,
    "bag": _PATH,
}
_FILES = {"strip", "video", "bag"}
_SETTINGS: dict[str, type] = {
    "task": str, "planner": str, "stages": list, "over": str, "config": dict, "model": dict,
    "git": str, "machine": dict,
}  # fmt: skip
_MODEL: dict[str, type] = {"name": str, "sha256": str, "config": dict, "card": str}
