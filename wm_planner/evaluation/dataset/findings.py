"""What is wrong with a dataset, what is missing for training, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from wm_planner.evaluation.dataset.lag import Lag
from wm_planner.evaluation.dataset.survey import Survey

BAD, NOTE = "bad", "note"
_FEW, _SOME = 20, 50  # episodes
_CLIPPED = 0.2  # share of the actions at their limit
_LATE = 4.0  # steps
_WEAK = 0.3  # correlation


class Finding(NamedTuple):
    """One thing that is to be known before training."""

    level: str  # BAD: mend it first; NOTE: know it
    text: str


def findings(found: Survey, lag: Lag, period: float) -> list[Finding]:
    """In the order of what to look at first; `period` is s of a step."""
    every = [*_of_amount(found), *_of_pictures(found), *_of_actions(found), *_of_time(lag, period)]
    return sorted(every, key=lambda finding: finding.level)


def _of_amount(found: Survey) -> Iterator[Finding]:
    episodes, worked = len(found.lengths), sum(found.successes)
    if episodes < _FEW:
        yield Finding(BAD, f"{episodes} episodes, fewer than {_FEW}: too few; record more")
    elif episodes < _SOME:
        yield Finding(NOTE, f"{episodes} episodes; with {_SOME} and more it gets much better")
    if not worked:
        yield Finding(
            BAD, "no episode worked: nothing tells the model what is wanted; mark those that did"
        )
    elif worked == episodes:
        yield Finding(
            NOTE,
            "every episode worked: the model never sees what does not; keep some failures, or let "
            "`wm_planner improve` make them",
        )
    if found.duplicates:
        a, b = found.duplicates[0]
        count = len(found.duplicates)
        yield Finding(BAD, f"{count} copies, as demo_{b} is one of demo_{a}; remove them")
    if found.instructions[""] == episodes:
        yield Finding(NOTE, "no episode says in words what was done; see `record --instruction`")
    middle = float(np.median(found.lengths))
    if odd := [n for n in found.lengths if n < middle / 4 or n > 4 * middle]:
        yield Finding(
            NOTE, f"{len(odd)} episodes are four times longer or shorter than most, {middle:.0f}"
        )


def _of_pictures(found: Survey) -> Iterator[Finding]:
    for camera, e in found.exposure.items():
        if e.contrast < 4:
            yield Finding(
                BAD, f"{camera} shows nothing, its contrast is {e.contrast:.1f}; is it covered?"
            )
        if e.dark > 0.5 or e.bright > 0.3:
            yield Finding(
                BAD,
                f"{camera}: {e.dark:.0%} of its pixels are black, {e.bright:.0%} white; change "
                "light or exposure, and keep them",
            )
        if e.repeated > 0.1:
            yield Finding(
                BAD,
                f"{camera}: {e.repeated:.0%} of its frames are the one before; it sends too few, "
                "or is frozen",
            )


def _of_actions(found: Survey) -> Iterator[Finding]:
    actions = np.concatenate(found.actions)
    if (largest := float(np.abs(actions).max())) > 1.0 + 1e-6:
        yield Finding(BAD, f"actions reach {largest:.2g}, the planner's are in [-1, 1]")
    clipped = float((np.abs(actions[:, :-1]) > 0.999).any(axis=1).mean())
    if clipped > _CLIPPED:
        yield Finding(
            NOTE,
            f"{clipped:.0%} of the actions are at their limit: the hand was moved as fast as an "
            "action can; slower is more exact",
        )
    for i in np.flatnonzero(actions.std(axis=0) < 1e-3):
        yield Finding(BAD, f"action {i} is always {actions[0, i]:.2f}: nothing is learned of it")
    proprio = np.concatenate(found.proprio)
    if far := [int(i) for i in np.flatnonzero(np.abs(proprio).max(axis=0) > 1.5)]:
        yield Finding(
            NOTE,
            f"proprioception {far} goes beyond 1.5, where 1 is the edge of the robot's workspace: "
            "is it this robot's?",
        )


def _of_time(lag: Lag, period: float) -> Iterator[Finding]:
    if not lag.correlations or lag.strength < _WEAK:
        strength = f"{lag.strength:.2f}" if lag.correlations else "not measurable"
        yield Finding(
            BAD,
            f"actions and the hand's motion hardly go together, correlation {strength}; are the "
            "stamps right, and the actions this robot's?",
        )
    elif lag.steps > _LATE:
        yield Finding(
            BAD,
            f"the hand follows actions {lag.steps:.1f} steps, {1e3 * lag.steps * period:.0f} ms, "
            "later: stamps of cameras or joints are late, or the arm is slow",
        )
