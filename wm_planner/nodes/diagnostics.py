"""What the planner node reports of itself."""

from __future__ import annotations

import time
from collections import Counter, deque

from diagnostic_msgs.msg import DiagnosticStatus

from wm_planner.evaluation.statistics import percentile
from wm_planner.nodes.gate import Gate, State
from wm_planner.nodes.messages import status

_WINDOW = 300  # plans


class Report:
    """Timings of the last plans, and why the arm was made to hold."""

    def __init__(self) -> None:
        self.plan_ms: deque[float] = deque(maxlen=_WINDOW)
        self.frame_to_command_ms: deque[float] = deque(maxlen=_WINDOW)
        self.frames: deque[float] = deque(maxlen=50)  # arrival, monotonic seconds
        self.holds: Counter[str] = Counter()
        self.non_finite = 0
        self.fault = ""

    def hold(self, kind: str, detail: str) -> None:
        """The arm holds because of `kind`, a short constant text."""
        self.holds[kind] += 1
        self.fault = f"{kind}: {detail}"

    def frame_rate_hz(self) -> float:
        """Frame sets a second, over the last ones; 0 when none came for two seconds."""
        if len(self.frames) < 2 or time.monotonic() - self.frames[-1] > 2.0:
            return 0.0
        return (len(self.frames) - 1) / max(self.frames[-1] - self.frames[0], 1e-9)

    def to_status(self, gate: Gate, frame_age: float | None, overruns: int) -> DiagnosticStatus:
        """Level: error while a fault holds the arm, warning when stopped, else ok."""
        level, text = DiagnosticStatus.OK, gate.state.value
        if gate.running and self.fault:
            level, text = DiagnosticStatus.ERROR, f"holding, {self.fault}"
        elif gate.state is State.STOPPED:
            level, text = DiagnosticStatus.WARN, "stopped; call reset, then start"
        values: dict[str, object] = {
            "state": gate.state.value,
            "frame_rate_hz": f"{self.frame_rate_hz():.1f}",
            "frame_age_s": "" if frame_age is None else f"{frame_age:.3f}",
            "overruns": overruns,
            "non_finite_scores": self.non_finite,
        }
        for name in ("plan_ms", "frame_to_command_ms"):
            samples = list(getattr(self, name))
            for q in (50, 95, 100):
                values[f"{name}_p{q}"] = f"{percentile(samples, q):.1f}"
        values |= {f"holds: {kind}": count for kind, count in self.holds.items()}
        return status(level, "wm_planner: planner", text, values)
