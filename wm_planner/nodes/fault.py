"""Why the arm must hold."""

from __future__ import annotations

from typing import NamedTuple

from wm_planner.assignments import BadGoal, NoGoal, NoInstruction
from wm_planner.monitoring.caution import Surprised
from wm_planner.perception.frame_guard import BadFrame

TRACKING, SURPRISE = "tracking", "surprise"
MANUAL = (TRACKING, SURPRISE)  # kinds that only ~/reset ends


class Fault(NamedTuple):
    """One reason."""

    kind: str  # a short constant text
    detail: str


def fault_of(error: Exception | None) -> Fault:
    """What a plan that failed is reported as."""
    if isinstance(error, BadFrame):
        return Fault(error.kind, str(error))
    if isinstance(error, (NoGoal, BadGoal)):
        return Fault("goal", str(error))
    if isinstance(error, NoInstruction):
        return Fault("instruction", str(error))
    kind = SURPRISE if isinstance(error, Surprised) else "planning"
    return Fault(kind, str(error) or type(error).__name__)
