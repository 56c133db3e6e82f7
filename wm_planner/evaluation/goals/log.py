"""Goal trials on disk: settings.json says what was run, goals.jsonl holds a line for each."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from wm_planner.errors import UserError
from wm_planner.evaluation.goals.trial import GoalTrial
from wm_planner.evaluation.records import explained, write_json
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.safe_yaml import read_text

_MOST_BYTES = 2**26  # of a log; a trial has 400


class GoalLog:
    """The trials of a run, those of an earlier, killed process included."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open or go on with a run; one of other settings is a UserError, and is left alone."""
        self.path, described = folder / "goals.jsonl", folder / "settings.json"
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if described.exists():
            _check_same(described, settings)
        else:
            write_json(described, settings)
        lines = read_text(self.path, _MOST_BYTES).split("\n") if self.path.exists() else [""]
        self.trials = [_trial(self.path, i, line) for i, line in enumerate(lines[:-1])]
        with explained(self.path):
            whole = sum(len(line.encode()) + 1 for line in lines[:-1])
            self._file = self.path.open("ab")
            self._file.truncate(whole)  # a line that was cut short

    def add(self, trial: GoalTrial) -> None:
        """Write a finished trial; it is on the disk when this returns."""
        with explained(self.path, f"{len(self.trials)} finished trials are safe"):
            self._file.write((json.dumps(_plain(trial._asdict())) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        self.trials.append(trial)

    def close(self) -> None:
        self._file.close()


def _trial(path: Path, number: int, line: str) -> GoalTrial:
    try:
        values = parse_json(line)
        if not isinstance(values, dict) or set(values) != set(GoalTrial._fields):
            raise ValueError(f"expected the keys {', '.join(GoalTrial._fields)}")
        plan_ms = values["plan_ms"]
        return GoalTrial(**{**values, "plan_ms": math.nan if plan_ms is None else plan_ms})
    except ValueError as error:
        raise UserError(
            f"{path}: line {number + 1} is no trial ({error}); remove it, or choose another --out"
        ) from error


def _check_same(path: Path, wanted: dict[str, Any]) -> None:
    try:
        found = parse_json(read_text(path))
    except ValueError as error:
        raise UserError(f"{path}: not the settings of a run ({error}); remove it") from error
    for key, value in json.loads(json.dumps(wanted)).items():
        if not isinstance(found, dict) or found.get(key) != value:
            was = found.get(key) if isinstance(found, dict) else found
            raise UserError(
                f"{path.parent}: holds trials of other settings: {key} was {was}, is now {value}; "
                "choose another --out or remove the folder"
            )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """What is no number as null."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }
