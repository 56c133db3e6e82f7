"""From messages to commands: what the planner node does between configure and cleanup."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.control.joint_guard import JointGuard
from wm_planner.errors import UserError
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.diagnostics import Report, statuses
from wm_planner.nodes.fault import TRACKING, Fault, fault_of
from wm_planner.nodes.frame_buffer import FrameBuffer, FrameSet
from wm_planner.nodes.gate import Gate
from wm_planner.nodes.goal_inbox import GoalInbox
from wm_planner.nodes.instruction_inbox import InstructionInbox
from wm_planner.nodes.marks import Marks
from wm_planner.nodes.messages import joint_state
from wm_planner.nodes.planning_thread import Job, Outcome, PlanningThread
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.nodes.watchdogs import Watchdogs
from wm_planner.perception.frame_guard import FrameGuard
from wm_planner.pipeline import Pipeline

_FRESH = 0.3  # of a period, that first frames may have waited


class Session:
    """Stores the newest frames, has them planned in a thread, and sends what comes of it.

    All methods are the executor's; the thread only calls `wake`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        buffer: FrameBuffer,
        guard: FrameGuard,
        output: CommandOutput,
        lockstep: bool,
        surroundings: Surroundings,
    ) -> None:
        self.gate, self.report = Gate(), Report()
        self.marks = Marks(surroundings, self.report)
        self.goals = GoalInbox(buffer.cameras, pipeline, surroundings, self.report)
        self.instructions = InstructionInbox(pipeline, surroundings, self.report)
        self._arm: CartesianArm = pipeline.robot  # type: ignore[assignment]
        self._joint_guard = JointGuard(self._arm.config)
        self._buffer, self._output = buffer, output
        self._lockstep, self._around = lockstep, surroundings
        self._thread = PlanningThread(pipeline, guard, surroundings.wake, surroundings.prepare)
        self._watchdogs = Watchdogs(
            self._arm, buffer, output, self._thread, surroundings.parameter, surroundings.now
        )
        self._epoch = 0  # outcomes of jobs from an earlier one are dropped
        self._seed: int | None = None
        self._planned = 0.0  # stamp of the frames planned from last
        self._held = self._bad_joints = False  # since the last job; the newest state was refused
        self._beat = time.monotonic()  # when the executor was here last

    def activate(self) -> None:
        """Hold the measured pose; start at once if the parameters say so."""
        self.gate.activate()
        self._output.release()
        self.forget()
        if self._around.parameter("autostart"):
            self.start()

    def deactivate(self, reason: str) -> None:
        """End planning, then brake, then send nothing more."""
        self._epoch += 1
        if self.gate.active:
            self.hold(Fault("deactivated", reason))
            self._output.finish()
        self.gate.deactivate()

    def start(self) -> tuple[bool, str]:
        answer = self.gate.start()
        if self.gate.running:
            self.marks.begin()
        self._watchdogs.begin()
        self._around.report()
        self._plan_if_ready()
        return answer

    def stop(self) -> tuple[bool, str]:
        self._epoch += 1
        answer = self.gate.stop()
        if self.gate.active:
            self.hold(Fault("stopped", "~/stop was called"))
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
        """Forget frames, joints, latent, last plan and fault; go on from measured joints."""
        self._begin_anew()
        self.marks.forget()
        self.report.fault = None
        self._around.report()

    def hold(self, fault: Fault) -> None:
        """Brake and stay; counted once until the fault changes. A new good plan ends it."""
        self._held = True
        if self.report.holds_for(fault.kind) or self.report.latched:
            return
        self.report.hold(fault)
        if self.gate.active:
            self._around.warn(f"holding: {fault.kind}: {fault.detail}")
            self._output.hold()
            self._around.report()

    def put_image(self, camera: str, message: Image | CompressedImage) -> None:
        self._buffer.put_image(camera, message, time.monotonic())
        self._plan_if_ready()

    def put_joints(self, message: JointStateMsg) -> None:
        try:
            measured = joint_state(message, self._arm.joint_names, self._output.finger)
            self._arm.check(measured)
            if not self._lockstep:  # a simulation may put the arm anywhere
                self._joint_guard.check(measured, self._output.commanded)
        except UserError as error:
            self._bad_joints = True
            self.hold(Fault("joint state", str(error)))
            return
        self._bad_joints = False
        if not (self._lockstep or self._joint_guard.sure):
            return
        self._buffer.put_joints(measured, time.monotonic())
        if self.gate.active and not self._output.ready:
            self._output.soft_start(measured)
        self._plan_if_ready()

    def _plan_if_ready(self) -> None:
        """Hand a complete, fresh set of frames to the planning thread."""
        if not self.gate.running or self._thread.busy or self.report.latched:
            return
        if self.goals.missing(self.hold) or self.instructions.missing(self.hold):
            return
        if self._lockstep and not self._around.heard():
            return  # a lost command would leave both sides waiting; the frames come again
        if not self._lockstep and not (self._output.ready and self._fresh()):
            return
        self._arm.speed_scale = self._around.parameter("speed_scale")
        frames = self._buffer.take(self._output.period)
        if frames is None or self._unfit():
            return
        if self._seed is not None and not self._output.soft_start(frames.joints):
            return
        self._thread.submit(self._job(frames))
        self._seed, self._held = None, False

    def _fresh(self) -> bool:
        """Not if first frames waited for the arm: plans begun late make those after them late."""
        waited = time.monotonic() - max(self._buffer.arrivals.values(), default=0.0)
        return self._seed is None or waited <= _FRESH * self._output.period

    def _job(self, frames: FrameSet) -> Job:
        age = 0.0 if self._lockstep else max(0.0, self._around.now() - frames.stamp)
        steps = round((frames.stamp - self._planned) / self._output.period)
        self._planned = frames.stamp
        watched = self._around.watched()
        return Job(
            frames=frames,
            proprio=self._arm.proprioception(frames.joints),
            epoch=self._epoch,
            seed=self._seed,
            age=age,
            speed_scale=self._arm.speed_scale,
            steps=steps,
            held=self._held,
            goal=self.goals.take(),
            instruction=self.instructions.take(),
            imagine=1 + self._around.parameter("imagine_candidates") if watched else 0,
            spare=None if self._lockstep else self._output.period,
        )

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
        self.report.surprise = outcome.surprise
        if outcome.surprise is not None:
            self._around.send_surprise(outcome.surprise)
        if outcome.plan is None or newest is None:
            self.hold(fault_of(outcome.error))
            return
        if self._unfit() or self._too_late(outcome):
            return
        if self._around.compared():
            self._around.send_candidates(outcome.plan, outcome.job.frames.stamp)
        measured = outcome.job.frames.joints if self._lockstep else newest
        try:
            self._output.follow(outcome.plan, measured)
        except InvalidInput as error:
            self.hold(Fault("command", str(error)))
            return
        if self.report.fault is not None:
            self.report.fault = None
            self._around.report()
        self._around.send_statistics(self.report.record(outcome))

    def _too_late(self, outcome: Outcome) -> bool:
        """Hold when the plan took so long that its frames no longer tell where the arm is."""
        took = time.monotonic() - outcome.job.frames.arrived
        limit = self._watchdogs.plan_timeout
        if self._lockstep or took <= limit:
            return False
        late = f"a plan came {took:.3f} s after its frames, allowed {limit:.3f} s"
        self.hold(Fault("plan timeout", late))
        return True

    def stream(self) -> None:
        """Send the next waypoint; call it at the command rate."""
        if not self.gate.active or self._stuck():
            return
        if problem := self._output.tick(self._buffer.joints, self._watchdogs.plan_timeout):
            self.hold(Fault("plan timeout", problem))

    def watch(self) -> None:
        """Hold when what a plan rests on is missing or wrong; call it on a steady clock."""
        if not self.gate.active or self._stuck():
            return
        if self.gate.running:
            self._output.watch_gripper()
            self._unfit()
        if self._output.stalled and not self._output.following:
            self._finish()

    def _unfit(self) -> bool:
        """Hold, and say so, when the watchdogs find something; a lockstep simulation may wait."""
        if self._lockstep or self.report.latched:
            return self.report.latched
        fault = self._watchdogs.find()
        if self._bad_joints and (fault is None or fault.kind == "stale joint state"):
            return True  # they come, and are refused
        if fault is None:
            return False
        self.hold(fault)
        joints = self._buffer.joints
        if fault.kind == TRACKING and joints is not None:
            self._output.give_way(joints)
        return True

    def _stuck(self) -> bool:
        """Hold after the executor could not run for long: the arm has stopped meanwhile."""
        gap, self._beat = time.monotonic() - self._beat, time.monotonic()
        self.report.longest_gap = max(self.report.longest_gap, gap)
        limit = self._around.parameter("max_loop_gap")
        if self._lockstep or gap <= limit:
            return False
        self.hold(Fault("node loop", f"stuck for {gap:.3f} s, allowed {limit:.3f} s"))
        self._output.forget()
        self._buffer.clear()
        self._watchdogs.begin()
        return True

    def clock_jumped_back(self) -> None:
        if self.gate.active:
            self.hold(Fault("clock", "the clock jumped back; latent and frames are forgotten"))
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._epoch += 1
        self._seed, self._bad_joints = self._around.parameter("seed"), False
        self._finish()
        self._output.forget()
        self._buffer.clear()
        self._joint_guard.forget()
        self._watchdogs.begin()

    def _finish(self) -> None:
        """Brake to rest here and now; that takes a moment in which nothing else is done."""
        self._output.finish()
        self._beat = time.monotonic()

    def statuses(self) -> list[DiagnosticStatus]:
        """For /diagnostics."""
        now = self._around.now()
        return statuses(self.report, self.gate, self._buffer, self._arm, self._output, now)
