"""Tries on disk: each is a file of its own as it ends, until all are there and become a dataset."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from wm_planner.errors import UserError
from wm_planner.learning.episodes import merge_episodes, open_dataset, write_episode
from wm_planner.learning.tries import NOBODY, PERSON, Try

_DEMO = "data/demo_0"


class Tally(NamedTuple):
    """What came of tries."""

    tries: int
    successes: int
    failures: int
    marked: int  # of these, by a person
    unjudged: int  # nobody said whether they worked: not trained on
    unseen: int  # frames or plans were missing: not trained on

    def told(self) -> str:
        """In words."""
        parts = [f"{self.successes} of {self.successes + self.failures} tries worked"]
        for count, what in (
            (self.marked, "judged by a person"),
            (self.unjudged, "not used, nobody judged them"),
            (self.unseen, "not used, not seen whole"),
        ):
            if count:
                parts.append(f"{count} {what}")
        return ", ".join(parts)


class TryFiles:
    """The tries of a round, in <dataset>.parts, those of an earlier, killed process included."""

    def __init__(self, dataset: Path, seeds: list[int]) -> None:
        self.dataset, self._seeds = dataset, seeds
        self._folder = dataset.with_suffix(".parts")

    @property
    def missing(self) -> list[int]:
        """Seeds of the tries that are to be made yet."""
        if self.dataset.exists():
            return []
        return [seed for seed in self._seeds if not self._file(seed).exists()]

    def add(self, attempt: Try) -> None:
        """Write a try that is over; its file appears whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f"{attempt.seed}.partial-{os.getpid()}"
        with h5py.File(partial, "w") as file:
            file.create_group("data").attrs["judge"] = attempt.judge
            if attempt.episode is not None:
                write_episode(file.create_group(_DEMO), attempt.episode)
        partial.replace(self._file(attempt.seed))

    def merge(self, described: dict[str, Any]) -> Tally:
        """Make the dataset of those that were judged, unless it is there, and count.

        Raises:
            UserError: none was.
        """
        if not self.dataset.exists():
            files = list(map(self._file, self._seeds))
            outcomes = {file: _outcome(file) for file in files}
            used = [file for file, outcome in outcomes.items() if outcome.usable]
            tally = _tally(list(outcomes.values()))
            if not used:
                raise UserError(
                    f"{self._folder}: {tally.told()}, so there is nothing to learn from; mark "
                    "tries with y and n in the terminal, or ~/mark_success and ~/mark_failure; "
                    "remove that folder to try again"
                )
            merge_episodes(used, self.dataset, {**described, "tries": tally._asdict()})
        tally = _read_tally(self.dataset)
        if self._folder.exists():
            for file in self._folder.iterdir():
                file.unlink()
            self._folder.rmdir()
        return tally

    def _file(self, seed: int) -> Path:
        return self._folder / f"{seed}.hdf5"


class _Outcome(NamedTuple):
    judge: str
    seen: bool
    success: bool

    @property
    def usable(self) -> bool:
        return self.seen and self.judge != NOBODY


def _outcome(path: Path) -> _Outcome:
    with h5py.File(path, "r") as file:
        seen = _DEMO in file
        success = seen and bool(file[f"{_DEMO}/dones"][-1])
        return _Outcome(str(file["data"].attrs["judge"]), seen, success)


def _tally(outcomes: list[_Outcome]) -> Tally:
    used = [outcome for outcome in outcomes if outcome.usable]
    successes = sum(outcome.success for outcome in used)
    unjudged = sum(outcome.judge == NOBODY for outcome in outcomes)
    return Tally(
        tries=len(outcomes),
        successes=successes,
        failures=len(used) - successes,
        marked=sum(outcome.judge == PERSON for outcome in used),
        unjudged=unjudged,
        unseen=len(outcomes) - len(used) - unjudged,
    )


def _read_tally(dataset: Path) -> Tally:
    with open_dataset(dataset) as file:
        try:
            return Tally(**json.loads(file["data"].attrs["env_args"])["tries"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{dataset}: not a dataset of tries ({error}); remove it, or choose another --out"
            ) from error
