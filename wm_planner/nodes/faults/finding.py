"""What came of one fault, and how it is measured."""

from __future__ import annotations

import time
from typing import NamedTuple

from wm_planner.errors import UserError
from wm_planner.nodes.faults.cases import RESET, Case
from wm_planner.nodes.faults.rig import PATIENCE, Rig

_SETTLE = 0.6  # s after detection in which the arm must have come to rest
_REST = 0.3  # s at rest that are a hold
_MOMENT = 0.05  # s at rest that are one after a fault that passes: two waypoints are left out
_GO_ON = 1.0  # s that a planner is watched which must go on


class Finding(NamedTuple):
    """The outcome of one fault.

    `detected_ms`: from the fault to the first diagnostic about it, None where there must be none.
    `held_ms`: from that diagnostic until the commanded arm is at rest.
    """

    name: str
    shown: str  # what the diagnostics said
    detected_ms: float | None
    held_ms: float | None
    recovery: str  # as stated
    recovered: bool
    passed: bool
    note: str = ""  # what was wrong


def examine(rig: Rig, case: Case) -> Finding:
    """Make one fault happen to an arm that moves."""
    injected = time.monotonic()
    case.inject(rig)
    if not case.shown:
        return _goes_on(rig, case)
    kinds = tuple(f"{kind}:" for kind in case.shown)
    told = rig.client.spin_until(lambda: rig.fault.startswith(kinds), PATIENCE)
    shown, detected = rig.fault, rig.since
    rig.spin(_SETTLE + _REST)
    held = rig.limits.rested(detected, _MOMENT if case.passes else _REST)
    case.heal(rig)
    recovered = recovers(rig, case.recovery == RESET)
    held_ms = (held - detected) * 1e3 if told and held is not None else None
    complaints = {
        f"the diagnostics say {shown or 'nothing'!r}": told,
        "the arm goes on moving": held is not None,
        "the arm holds too late": in_time(rig, held_ms),
        "it does not come back": recovered,
    }
    detected_ms = (detected - injected) * 1e3 if told else None
    return conclude(case.name, shown, detected_ms, held_ms, case.recovery, recovered, complaints)


def conclude(
    name: str,
    shown: str,
    detected_ms: float | None,
    held_ms: float | None,
    recovery: str,
    recovered: bool,
    complaints: dict[str, bool],
) -> Finding:
    """The outcome; each complaint with whether, on the contrary, all is fine."""
    note = "; ".join(complaint for complaint, fine in complaints.items() if not fine)
    return Finding(name, shown, detected_ms, held_ms, recovery, recovered, not note, note)


def in_time(rig: Rig, held_ms: float | None) -> bool:
    """Within two control periods; where nothing was held, there is nothing to be late."""
    return (held_ms or 0.0) <= 2e3 / rig.robot.control_rate_hz


def _goes_on(rig: Rig, case: Case) -> Finding:
    plans = rig.plans
    rig.spin(_GO_ON)
    note = rig.fault and f"it holds: {rig.fault}"
    if rig.plans - plans < 0.5 * _GO_ON * rig.robot.control_rate_hz:
        note = note or "it stopped planning"
    case.heal(rig)
    recovered = recovers(rig, False)
    return Finding(case.name, "", None, None, "goes on", recovered, recovered and not note, note)


def recovers(rig: Rig, by_reset: bool) -> bool:
    """Whether plans are followed again, after ~/reset and ~/start where these are needed."""
    if by_reset:
        rig.spin(0.5)
        if not rig.fault:
            raise UserError("the fault ended by itself, but it must wait for ~/reset")
        rig.client.trigger("/wm_planner/reset")
        rig.client.trigger("/wm_planner/start")
    plans = rig.plans
    return rig.client.spin_until(lambda: not rig.fault and rig.plans > plans + 2, PATIENCE)
