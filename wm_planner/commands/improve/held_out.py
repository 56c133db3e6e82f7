"""Held-out trials of the new model beside those of every model that was the best before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from wm_planner.commands.improve.config import ImproveConfig
from wm_planner.commands.trials import run_trials
from wm_planner.errors import UserError
from wm_planner.evaluation.records import read_run
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.learning.gate import Verdict, judge


class Standing(NamedTuple):
    """A model that is, or was, the best so far."""

    name: str
    model: Path  # its folder
    trials: Path  # folder of its held-out trials


def verdicts(
    config: ImproveConfig, new: Standing, best: Sequence[Standing], task: str
) -> Iterator[Verdict]:
    """Of the new model beside each that was the best; trials that are missing are run."""
    before = {old.name: _outcomes(config, old, task) for old in best}
    outcomes = _outcomes(config, new, task)
    for name, old in before.items():
        yield judge(task, name, old, outcomes, config.margin)


def _outcomes(config: ImproveConfig, standing: Standing, task: str) -> dict[int, bool]:
    """Of the held-out trials by seed; those that are missing are run."""
    trials = config.held_out_trials(standing.model, task, standing.trials / task)
    if len(found := _known(trials)) < len(trials.starts):
        tqdm.write(f"held-out trials of {standing.name}")
        run_trials(trials)
        found = _known(trials)
    return found


def _known(trials: TrialsConfig) -> dict[int, bool]:
    assert trials.out is not None
    with suppress(UserError):  # nothing yet; what is wrong with it, run_trials tells
        _, done = read_run(trials.out)
        return {trial.seed: trial.success for trial in done if trial.seed in trials.starts}
    return {}
