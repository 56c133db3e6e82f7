"""What the planner node reports of itself."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticStatus

from wm_planner.control.arm import CartesianArm
from wm_planner.interfaces import Adviser
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.fault import MANUAL, Fault
from wm_planner.nodes.frame_buffer import FrameBuffer
from wm_planner.nodes.gate import Gate, State
from wm_planner.nodes.gripper.switch import GripperSwitch
from wm_planner.nodes.messages import status
from wm_planner.nodes.planning_thread import Outcome
from wm_planner.process import resident_mb
from wm_planner.statistics import percentile
from wm_planner.types import JointState

_WINDOW = 300  # plans


class Report:
    """Timings of the last plans, and why the arm was made to hold."""

    def __init__(self) -> None:
        self.plan_ms: deque[float] = deque(maxlen=_WINDOW)
        self.frame_to_command_ms: deque[float] = deque(maxlen=_WINDOW)
        self.holds: Counter[str] = Counter()
        self.non_finite = 0
        self.budget = ""  # of a plan, and why it is that
        self.surprise: float | None = None  # of the newest frames
        self.mark: bool | None = None  # a person's word on whether what is tried worked
        self.goal = ""  # when it came, or why it was refused
        self.instruction = ""  # what is to be done, or why that was refused
        self.adviser: Adviser | None = None  # a policy server that is asked
        self.longest_gap = 0.0  # s, of the node's loop
        self.fault: Fault | None = None

    def hold(self, fault: Fault) -> None:
        """The arm holds because of `fault`."""
        self.holds[fault.kind] += 1
        self.fault = fault

    def holds_for(self, kind: str) -> bool:
        """Whether the arm holds because of this kind of fault."""
        return self.fault is not None and self.fault.kind == kind

    def record(self, outcome: Outcome) -> DiagnosticStatus:
        """Count a plan that is followed from now on; returns the message about it."""
        plan, job = outcome.plan, outcome.job
        assert plan is not None
        frame_to_command_ms = (time.monotonic() - job.frames.arrived) * 1e3
        self.plan_ms.append(outcome.plan_ms)
        self.frame_to_command_ms.append(frame_to_command_ms)
        self.non_finite += plan.statistics.non_finite
        values: dict[str, object] = {
            "frame_stamp": f"{job.frames.stamp:.6f}",
            "frame_age_s": f"{job.age:.6f}",
            "plan_ms": f"{outcome.plan_ms:.3f}",
            "frame_to_command_ms": f"{frame_to_command_ms:.3f}",
            "expected_return": f"{float(plan.expected_return[0]):.4f}",
            "samples": plan.statistics.samples,
            "iterations": plan.statistics.iterations,
            "non_finite_scores": plan.statistics.non_finite,
            "surprise": "" if outcome.surprise is None else f"{outcome.surprise:.4f}",
            "horizon": plan.actions.shape[1],
            "proprio": _text(job.proprio),
            "action": _text(plan.actions[0, 0].tolist()),
        }
        return status(DiagnosticStatus.OK, "wm_planner: plan", "planned", values)

    @property
    def latched(self) -> bool:
        """The arm holds until ~/reset."""
        return self.fault is not None and self.fault.kind in MANUAL


def _text(numbers: Iterable[float]) -> str:
    """Numbers of float32, to the last bit."""
    return " ".join(f"{number:.9g}" for number in numbers)


def statuses(
    report: Report,
    gate: Gate,
    buffer: FrameBuffer,
    arm: CartesianArm,
    output: CommandOutput,
    now: float,
) -> list[DiagnosticStatus]:
    """Of planner, cameras, arm, hand and process; `now` is ROS time, s."""
    hand = [] if output.gripper is None else [gripper_status(output.gripper)]
    return [
        planner_status(report, gate, output.overruns),
        camera_status(buffer),
        arm_status(arm, output, buffer.joints, now),
        *hand,
        process_status(report),
    ]


def planner_status(report: Report, gate: Gate, overruns: int) -> DiagnosticStatus:
    """Level: error while a fault holds the arm, warning when stopped, else ok."""
    level, text = DiagnosticStatus.OK, gate.state.value
    if gate.running and report.fault is not None:
        level, text = DiagnosticStatus.ERROR, f"holding, {': '.join(report.fault)}"
    elif gate.state is State.STOPPED:
        level, text = DiagnosticStatus.WARN, "stopped; call reset, then start"
    elif gate.running and (report.surprise or 0.0) > 1.0:
        level, text = DiagnosticStatus.WARN, "running, surprised: it looks less far ahead"
    values: dict[str, object] = {
        "state": gate.state.value,
        "budget": report.budget,
        "goal": report.goal,
        "instruction": report.instruction,
        "server": "" if report.adviser is None else report.adviser.state,
        "marked": {None: "", True: "success", False: "failure"}[report.mark],
        "overruns": overruns,
        "non_finite_scores": report.non_finite,
        "surprise": "" if report.surprise is None else f"{report.surprise:.3f}",
    }
    for name in ("plan_ms", "frame_to_command_ms"):
        samples = list(getattr(report, name))
        for q, label in ((50, "p50"), (95, "p95"), (100, "max")):
            values[f"{name}_{label}"] = f"{percentile(samples, q):.1f}"
    values |= {f"holds: {kind}": count for kind, count in report.holds.items()}
    return status(level, "wm_planner: planner", text, values)


def camera_status(buffer: FrameBuffer) -> DiagnosticStatus:
    """Rate and age of each camera's frames; warning while they make no set."""
    now = time.monotonic()
    rates, arrivals = buffer.rates_hz, buffer.arrivals
    values: dict[str, object] = {}
    for camera in buffer.cameras:
        values[f"{camera}_rate_hz"] = f"{rates.get(camera, 0.0):.1f}"
        values[f"{camera}_age_s"] = f"{now - arrivals[camera]:.3f}" if camera in arrivals else ""
    complaint = buffer.complaint()
    level = DiagnosticStatus.OK if complaint is None else DiagnosticStatus.WARN
    return status(level, "wm_planner: cameras", complaint or "frames arrive", values)


def arm_status(
    arm: CartesianArm, output: CommandOutput, joints: JointState | None, now: float
) -> DiagnosticStatus:
    """Age of the joint state (`now`: ROS time), tracking error, and what limits changed."""
    values: dict[str, object] = {"speed_scale": f"{arm.speed_scale:.2f}"}
    if joints is not None:
        values["joint_state_age_s"] = f"{now - joints.stamp:.3f}"
    if joints is not None and output.ready:
        values["tracking_error_rad"] = f"{arm.tracking_error(joints):.4f}"
    values |= {f"clamps: {limit}": count for limit, count in arm.clamps.items()}
    level = DiagnosticStatus.WARN if joints is None else DiagnosticStatus.OK
    text = "no joint state yet" if joints is None else "joint states arrive"
    return status(level, "wm_planner: arm", text, values)


def gripper_status(gripper: GripperSwitch) -> DiagnosticStatus:
    """Of a hand that is apart from the arm: level error while it was not told."""
    told = {None: "as it was found", True: "open", False: "closed"}[gripper.opened]
    values: dict[str, object] = {
        "told by": gripper.where,
        "wanted": told,
        "failures": gripper.failures,
    }
    level = DiagnosticStatus.ERROR if gripper.problem else DiagnosticStatus.OK
    return status(level, "wm_planner: gripper", gripper.problem or told, values)


def process_status(report: Report) -> DiagnosticStatus:
    """Memory, threads, and the longest the node's loop was stuck."""
    values: dict[str, object] = {
        "memory_mb": f"{resident_mb():.1f}",
        "threads": threading.active_count(),
        "longest_loop_gap_s": f"{report.longest_gap:.3f}",
    }
    return status(DiagnosticStatus.OK, "wm_planner: process", "running", values)
