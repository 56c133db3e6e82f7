"""From messages to commands: what the planner node does between configure and cleanup."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.errors import UserError
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.frame_buffer import FrameBuffer, FrameSet
from wm_planner.nodes.gate import Gate
from wm_planner.nodes.messages import joint_state, status
from wm_planner.nodes.planning_thread import Job, Outcome, PlanningThread
from wm_planner.pipeline import Pipeline


class Surroundings(NamedTuple):
    """What a session needs of the node around it."""

    now: Callable[[], float]  # seconds, ROS time
    parameter: Callable[[str], Any]  # present value of a parameter
    warn: Callable[[str], object]
    heard: Callable[[], bool]  # somebody listens to the commands
    watched: Callable[[], bool]  # somebody looks at the imagination
    send_statistics: Callable[[DiagnosticStatus], None]
    send_picture: Callable[[np.ndarray, float], None]  # (h, w, 3) uint8 RGB, stamp in seconds
    wake: Callable[[], None]  # have `take_outcomes` called by the executor; from any thread


class Session:
    """Stores the newest frames, has them planned in a thread, and sends what comes of it.

    All methods are the executor's; the thread only calls `wake`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        cameras: tuple[str, ...],
        output: CommandOutput,
        lockstep: bool,
        surroundings: Surroundings,
    ) -> None:
        self.gate, self.report = Gate(), Report()
        self._arm: CartesianArm = pipeline.robot  # type: ignore[assignment]
        self._output, self._lockstep, self._around = output, lockstep, surroundings
        # A lockstep simulation publishes frames and joints with one stamp; elsewhere they differ.
        skew = 1e-6 if lockstep else 0.5 / self._arm.config.control_rate_hz
        joint_skew = 1e-6 if lockstep else surroundings.parameter("max_joint_state_age")
        self._buffer = FrameBuffer(cameras, skew, joint_skew)
        self._thread = PlanningThread(pipeline, surroundings.wake)
        self._epoch = 0  # outcomes of jobs from an earlier one are dropped
        self._seed: int | None = None
        self._held = False  # since the last job

    # What the node is asked to do

    def activate(self) -> None:
        """Hold the measured pose; start at once if the parameters say so."""
        self.gate.activate()
        self.forget()
        if self._around.parameter("autostart"):
            self.gate.start()

    def deactivate(self, reason: str) -> None:
        """End planning, then brake, then send nothing more."""
        self._epoch += 1
        if self.gate.active:
            self.hold("deactivated", reason)
        self.gate.deactivate()

    def start(self) -> tuple[bool, str]:
        answer = self.gate.start()
        self._plan_if_ready()
        return answer

    def stop(self) -> tuple[bool, str]:
        self._epoch += 1
        answer = self.gate.stop()
        if self.gate.active:
            self.hold("stopped", "~/stop was called")
        return answer

    def reset(self) -> tuple[bool, str]:
        answer = self.gate.reset()
        if self.gate.active:
            self.forget()
        return answer

    def close(self) -> None:
        """End the planning thread."""
        self._thread.close()

    def forget(self) -> None:
        """Forget frames, joints, latent and last plan; the next starts from measured joints."""
        self._epoch += 1
        self._seed = self._around.parameter("seed")
        self._buffer.clear()
        self._output.forget()
        self.report.fault = ""

    def hold(self, kind: str, detail: str) -> None:
        """Brake and stay; counted once until the fault changes. A new good plan ends it."""
        self._held = True
        if self.report.fault.startswith(kind):
            return
        self.report.hold(kind, detail)
        if self.gate.active:
            self._around.warn(f"holding: {kind}: {detail}")
            self._output.hold()

    # Data

    def put_image(self, camera: str, message: Image | CompressedImage) -> None:
        self._buffer.put_image(camera, message, time.monotonic())
        self._plan_if_ready()

    def put_joints(self, message: JointStateMsg) -> None:
        try:
            measured = joint_state(message, self._arm.joint_names)
            self._arm.check(measured)
        except UserError as error:
            self.hold("joint state", str(error))
            return
        self._buffer.put_joints(measured)
        if self.gate.active and not self._output.ready:
            self._output.soft_start(measured)
        self._plan_if_ready()

    def _plan_if_ready(self) -> None:
        """Hand a complete, fresh set of frames to the planning thread."""
        if not self.gate.running or self._thread.busy:
            return
        if self._lockstep and not self._around.heard():
            return  # a lost command would leave both sides waiting; the frames come again
        frames = self._buffer.take()
        if frames is None:
            return
        self.report.frames.append(frames.arrived)
        if self._stale(frames.stamp):
            return
        if self._seed is not None:
            self._output.soft_start(frames.joints)
        self._thread.submit(self._job(frames))
        self._seed, self._held = None, False

    def _job(self, frames: FrameSet) -> Job:
        age = 0.0 if self._lockstep else max(0.0, self._around.now() - frames.stamp)
        return Job(
            frames=frames,
            proprio=self._arm.proprioception(frames.joints),
            epoch=self._epoch,
            seed=self._seed,
            age=age,
            held=self._held,
            imagine=self._around.watched(),
        )

    # Commands

    def take_outcomes(self) -> None:
        """Use what the thread has finished."""
        for outcome in self._thread.take():
            if outcome.job.epoch == self._epoch and self.gate.running:
                self._use(outcome)
        if (picture := self._thread.take_picture()) is not None:
            self._around.send_picture(picture.image, picture.stamp)
        self._plan_if_ready()

    def _use(self, outcome: Outcome) -> None:
        newest = self._buffer.joints
        if outcome.plan is None or newest is None:
            self.hold("planning", str(outcome.error))
            return
        measured = outcome.job.frames.joints if self._lockstep else newest
        try:
            self._output.follow(outcome.plan, measured)
        except InvalidInput as error:
            self.hold("command", str(error))
            return
        self.report.fault = ""
        self._record(outcome, (time.monotonic() - outcome.job.frames.arrived) * 1e3)

    def stream(self) -> None:
        """Send the next waypoint; call it at the command rate."""
        if not self.gate.active:
            return
        timeout = self._around.parameter("plan_timeout")
        if problem := self._output.tick(self._buffer.joints, timeout):
            self.hold("plan timeout", problem)

    # Watching

    def watch(self) -> None:
        """Hold when data stopped coming or is old; call it on a steady clock."""
        arrived, stamp, joints = self._buffer.arrived, self._buffer.stamp, self._buffer.joints
        if not self.gate.running or self._lockstep or None in (arrived, stamp):
            return
        limit = self._around.parameter("max_frame_age")
        if (gap := time.monotonic() - (arrived or 0.0)) > limit:
            self.hold("no frame", f"none for {gap:.3f} s, allowed {limit:.3f} s")
        elif not self._stale(stamp or 0.0) and joints is not None:
            age, limit = (
                self._around.now() - joints.stamp,
                self._around.parameter("max_joint_state_age"),
            )
            if age > limit and not self.report.fault.startswith("joint state"):
                self.hold("stale joint state", f"{age:.3f} s old, allowed {limit:.3f} s")

    def _stale(self, stamp: float) -> bool:
        """Hold, and say so, when frames of this stamp are too old."""
        age, limit = self._around.now() - stamp, self._around.parameter("max_frame_age")
        if self._lockstep or age <= limit:
            return False
        self.hold("stale frame", f"{age:.3f} s old, allowed {limit:.3f} s")
        return True

    def clock_jumped_back(self) -> None:
        if self.gate.active:
            self.hold("clock", "the clock jumped back; latent and frames are forgotten")
            self.forget()

    def status(self) -> DiagnosticStatus:
        """For /diagnostics."""
        arrived = self._buffer.arrived
        age = None if arrived is None else time.monotonic() - arrived
        return self.report.to_status(self.gate, age, self._output.overruns)

    def _record(self, outcome: Outcome, frame_to_command_ms: float) -> None:
        plan = outcome.plan
        assert plan is not None
        self.report.plan_ms.append(outcome.plan_ms)
        self.report.frame_to_command_ms.append(frame_to_command_ms)
        self.report.non_finite += plan.statistics.non_finite
        values: dict[str, object] = {
            "frame_stamp": f"{outcome.job.frames.stamp:.6f}",
            "plan_ms": f"{outcome.plan_ms:.3f}",
            "frame_to_command_ms": f"{frame_to_command_ms:.3f}",
            "expected_return": f"{float(plan.expected_return[0]):.4f}",
            "iterations": plan.statistics.iterations,
            "non_finite_scores": plan.statistics.non_finite,
        }
        self._around.send_statistics(
            status(DiagnosticStatus.OK, "wm_planner: plan", "planned", values)
        )
