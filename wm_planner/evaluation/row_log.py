"""Small rows on disk: settings.json says what was run, a file of lines holds a row each.

A row is written, and on the disk, as it ends. A run that was killed goes on after its last whole
line. Trials have a log of their own, `records`, whose rows are long and come from elsewhere too.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from wm_planner.errors import UserError
from wm_planner.evaluation.records import check_same, explained, write_json
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.safe_yaml import read_text

_MOST_BYTES = 2**26  # of a log; a row has a few hundred

Row = TypeVar("Row", bound=tuple[Any, ...])


class RowLog(Generic[Row]):
    """The rows of a run, each a NamedTuple, those of an earlier, killed process included."""

    def __init__(self, path: Path, row: type[Row], settings: dict[str, Any]) -> None:
        """Open or go on with a run; one of other settings is a UserError, and is left alone."""
        self.path, described = path, path.parent / "settings.json"
        with explained(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        if described.exists():
            _check_same(described, settings)
        else:
            write_json(described, settings)
        lines = read_text(path, _MOST_BYTES).split("\n") if path.exists() else [""]
        self.rows = [_row(path, i, line, row) for i, line in enumerate(lines[:-1])]
        with explained(path):
            whole = sum(len(line.encode()) + 1 for line in lines[:-1])
            self._file = path.open("ab")
            self._file.truncate(whole)  # a line that was cut short

    def add(self, row: Row) -> None:
        """Write a row; it is on the disk when this returns."""
        values = dict(zip(get_type_hints(type(row)), map(_plain, row), strict=True))
        with explained(self.path, f"{len(self.rows)} finished rows are safe"):
            self._file.write((json.dumps(values) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows.append(row)

    def close(self) -> None:
        self._file.close()


def _row(path: Path, number: int, line: str, row: type[Row]) -> Row:
    """A line as a row; null, where a float is wanted, is what was no number."""
    fields = get_type_hints(row)
    try:
        values = parse_json(line)
        if not isinstance(values, dict) or set(values) != set(fields):
            raise ValueError(f"expected the keys {', '.join(fields)}")
        unknown = [k for k, v in values.items() if v is None and fields[k] is float]
        return row(**{**values, **dict.fromkeys(unknown, math.nan)})
    except ValueError as error:
        raise UserError(
            f"{path}: line {number + 1} is no such row ({error}); remove it, or choose another "
            "--out"
        ) from error


def _check_same(path: Path, wanted: dict[str, Any]) -> None:
    try:
        found = parse_json(read_text(path))
    except ValueError as error:
        raise UserError(f"{path}: not the settings of a run ({error}); remove it") from error
    found, wanted = found if isinstance(found, dict) else {}, json.loads(json.dumps(wanted))
    check_same(path.parent, {key: found.get(key) for key in wanted}, wanted)


def _plain(value: Any) -> Any:
    """What is no number as null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
