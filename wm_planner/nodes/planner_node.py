"""Lifecycle node: camera frames and joint states in, safe joint commands out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from wm_planner.assembly import build_pipeline
from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.errors import UserError
from wm_planner.nodes import parameters
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.frame_buffer import FrameBuffer, FrameSet
from wm_planner.nodes.gate import Gate
from wm_planner.nodes.messages import encode_image, joint_state, status
from wm_planner.nodes.planning_thread import Job, Outcome, PlanningThread
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.paths import model_dir
from wm_planner.world_models.store import load_model

_WATCHDOG_PERIOD = 0.05  # s


class PlannerNode(LifecycleNode):
    """Stores the newest frames, plans in a thread, and turns plans into commands here."""

    def __init__(self, **options: Any) -> None:
        super().__init__("wm_planner", **options)
        parameters.declare(self)
        self._gate = Gate()
        self._report = Report()
        self._entities: list[tuple[Any, Any]] = []  # (destroy, entity), for the one teardown
        self._thread: PlanningThread | None = None
        self._jump: Any = None
        self._epoch = 0
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)

    # Life cycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._settings = parameters.values(self)
            self._load()
        except (UserError, OSError, RuntimeError) as error:
            self.get_logger().error(f"cannot configure: {error}")
            self._teardown()
            return TransitionCallbackReturn.FAILURE
        self._connect()
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self._gate.activate()
        self._forget(seed=self._settings["seed"])
        if self._settings["autostart"]:
            self._gate.start()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._hold("deactivated", "the node was deactivated")
        self._gate.deactivate()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._teardown()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop_safely()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop_safely()
        return TransitionCallbackReturn.SUCCESS

    def stop_safely(self) -> None:
        """End planning, send the safe command, then take everything down; may be called twice."""
        self._epoch += 1
        if self._gate.active:
            self._hold("shutdown", "the node is shutting down")
        self._gate.deactivate()
        self._teardown()

    def _load(self) -> None:
        found = self._settings
        torch.set_num_threads(found["threads"])
        torch.set_flush_denormal(True)
        model = load_model(model_dir(found["model"]), found["device"])
        planner = parameters.planner_config(found)
        self._pipeline = build_pipeline(model, planner, found["device"])
        self._arm: CartesianArm = self._pipeline.robot  # type: ignore[assignment]
        self._cameras = model.config.cameras
        self._period = 1.0 / model.config.control_rate_hz
        size = model.config.image_size
        blank = {camera: np.zeros((size, size, 3), np.uint8) for camera in self._cameras}
        for _ in range(2):  # the first plan allocates and compiles what later ones use
            self._pipeline.think(blank, np.zeros(self._arm.proprio_size, np.float32))
        self.get_logger().info(
            f"model '{found['model']}' sha256 {model.sha256[:12]} on {found['device']}, planner "
            f"{found['planner']}, cameras {list(self._cameras)}"
        )

    def _connect(self) -> None:
        lockstep = self._settings["lockstep"]
        # A lockstep simulation publishes frames and joints with one stamp; elsewhere they differ.
        skew = 1e-6 if lockstep else self._period / 2
        joint_skew = 1e-6 if lockstep else self._settings["max_joint_state_age"]
        self._buffer = FrameBuffer(self._cameras, skew, joint_skew)
        done = self._keep(self.create_guard_condition(self._on_outcomes), "guard_condition")
        self._thread = PlanningThread(self._pipeline, done.trigger)
        self._create_topics(lockstep)
        for name, callback in (
            ("start", self._on_start),
            ("stop", self._on_stop),
            ("reset", self._on_reset),
        ):
            self._keep(self.create_service(Trigger, f"~/{name}", callback), "service")
        arm = self._arm.config
        if not lockstep:
            stream = self.create_timer(1 / arm.command_rate_hz, self._on_stream_tick)
            self._keep(stream, "timer")
        self._steady_timer(_WATCHDOG_PERIOD, self._on_watchdog)
        self._steady_timer(1 / self._settings["diagnostics_rate_hz"], self._on_diagnostics)
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False
        )
        self._jump = self.get_clock().create_jump_callback(
            threshold, post_callback=lambda _: self._on_clock_jump()
        )

    def _create_topics(self, lockstep: bool) -> None:
        reliable = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        joints = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
        kind = Image if self._settings["image_transport"] == "raw" else CompressedImage
        for camera in self._cameras:

            def on_image(message: Image | CompressedImage, camera: str = camera) -> None:
                self._on_image(camera, message)

            qos = reliable if lockstep else newest
            subscription = self.create_subscription(kind, f"{camera}/color", on_image, qos)
            self._keep(subscription, "subscription")
        subscription = self.create_subscription(
            JointStateMsg, "joint_states", self._on_joints, reliable if lockstep else joints
        )
        self._keep(subscription, "subscription")
        waypoints = self._publisher(Float64MultiArray, "~/commands", reliable)
        trajectories = self._publisher(JointTrajectory, "~/joint_trajectory", reliable)
        as_waypoints = self._settings["command_type"] == "commands"
        self._commands = waypoints if as_waypoints else trajectories
        self._output = CommandOutput(
            self._arm,
            waypoints.publish if as_waypoints else None,
            None if as_waypoints else trajectories.publish,
            burst=lockstep,
        )
        self._publish_statistics = self._publisher(DiagnosticStatus, "~/plan_statistics", 10)
        self._publish_imagination = self._publisher(Image, "~/imagination", 1)
        self._diagnostics = self._keep(
            self.create_publisher(DiagnosticArray, "/diagnostics", 10), "publisher"
        )

    def _publisher(self, kind: type, topic: str, qos: Any) -> Any:
        return self._keep(self.create_lifecycle_publisher(kind, topic, qos), "publisher")

    def _steady_timer(self, period: float, callback: Any) -> None:
        self._keep(self.create_timer(period, callback, clock=self._steady), "timer")

    def _keep(self, entity: Any, kind: str) -> Any:
        self._entities.append((getattr(self, f"destroy_{kind}"), entity))
        return entity

    def _teardown(self) -> None:
        """Whatever there is is destroyed, once."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None
        if self._jump is not None:
            self._jump.unregister()
            self._jump = None
        while self._entities:
            destroy, entity = self._entities.pop()
            destroy(entity)

    # Services

    def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._gate.start()
        self._plan_if_ready()
        return response

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._epoch += 1
        was_active = self._gate.active
        response.success, response.message = self._gate.stop()
        if was_active:
            self._hold("stopped", "~/stop was called")
        return response

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._gate.reset()
        if response.success:
            self._forget(seed=self.get_parameter("seed").value)
        return response

    def _forget(self, seed: int) -> None:
        """Forget frames, joints, latent and last plan; the next starts from measured joints."""
        self._epoch += 1
        self._seed: int | None = seed
        self._buffer.clear()
        self._output.forget()
        self._report.fault = ""

    # Data

    def _on_image(self, camera: str, message: Image | CompressedImage) -> None:
        self._buffer.put_image(camera, message, time.monotonic())
        self._plan_if_ready()

    def _on_joints(self, message: JointStateMsg) -> None:
        try:
            measured = joint_state(message, self._arm.joint_names)
            self._arm.check(measured)
        except UserError as error:
            self._hold("joint state", str(error))
            return
        self._buffer.put_joints(measured)
        if self._gate.active and not self._output.ready:
            self._output.soft_start(measured)
        self._plan_if_ready()

    def _plan_if_ready(self) -> None:
        """Hand a complete, fresh set of frames to the planning thread."""
        if not self._gate.running or self._thread is None or self._thread.busy:
            return
        if self._settings["lockstep"] and self._commands.get_subscription_count() == 0:
            return  # a lost command would leave both sides waiting; the frames come again
        frames = self._buffer.take()
        if frames is None:
            return
        self._report.frames.append(frames.arrived)
        if not self._fresh(frames):
            return
        if self._seed is not None:
            self._output.soft_start(frames.joints)
        proprio = self._arm.proprioception(frames.joints)
        imagine = self._publish_imagination.get_subscription_count() > 0
        self._thread.submit(Job(frames, proprio, self._epoch, self._seed, imagine))
        self._seed = None

    def _fresh(self, frames: FrameSet) -> bool:
        if self._settings["lockstep"]:
            return True
        now = self.get_clock().now().nanoseconds * 1e-9
        for kind, stamp, limit in (
            ("frame", frames.stamp, self.get_parameter("max_frame_age").value),
            ("joint state", frames.joints.stamp, self.get_parameter("max_joint_state_age").value
             + now - frames.stamp),
        ):  # fmt: skip
            if now - stamp > limit:
                self._hold(f"stale {kind}", f"{now - stamp:.3f} s old, allowed {limit:.3f} s")
                return False
        return True

    # Commands

    def _on_outcomes(self) -> None:
        if self._thread is None:
            return
        for outcome in self._thread.take():
            if outcome.job.epoch == self._epoch and self._gate.running:
                self._use(outcome)
        if (picture := self._thread.take_picture()) is not None:
            message = encode_image(picture.image, picture.stamp, "imagined")
            self._publish_imagination.publish(message)
        self._plan_if_ready()

    def _use(self, outcome: Outcome) -> None:
        joints = self._buffer.joints
        if outcome.plan is None or joints is None:
            self._hold("planning", str(outcome.error))
            return
        measured = outcome.job.frames.joints if self._settings["lockstep"] else joints
        try:
            self._output.follow(outcome.plan, measured)
        except InvalidInput as error:
            self._hold("command", str(error))
            return
        self._report.fault = ""
        self._record(outcome, (time.monotonic() - outcome.job.frames.arrived) * 1e3)

    def _on_stream_tick(self) -> None:
        if not self._gate.active:
            return
        timeout = self.get_parameter("plan_timeout").value
        if problem := self._output.tick(self._buffer.joints, timeout):
            self._hold("plan timeout", problem)

    def _hold(self, kind: str, detail: str) -> None:
        """Brake and stay; counted once until the fault changes. A new good plan ends it."""
        if self._report.fault.startswith(kind):
            return
        self._report.hold(kind, detail)
        if self._gate.active:
            self.get_logger().warning(f"holding: {kind}: {detail}")
            self._output.hold()

    # Watching

    def _on_watchdog(self) -> None:
        if not self._gate.running or self._settings["lockstep"]:
            return
        limit = self.get_parameter("max_frame_age").value
        now = self.get_clock().now().nanoseconds * 1e-9
        arrived, stamp = self._buffer.arrived, self._buffer.stamp
        if arrived is None or stamp is None:
            return
        if (gap := time.monotonic() - arrived) > limit:
            self._hold("no frame", f"none for {gap:.3f} s, allowed {limit:.3f} s")
        elif (age := now - stamp) > limit:
            self._hold("stale frame", f"{age:.3f} s old, allowed {limit:.3f} s")

    def _on_clock_jump(self) -> None:
        if self._gate.active:
            self._hold("clock", "the clock jumped back; latent and frames are forgotten")
            self._forget(seed=self.get_parameter("seed").value)

    def _record(self, outcome: Outcome, frame_to_command_ms: float) -> None:
        plan = outcome.plan
        assert plan is not None
        self._report.plan_ms.append(outcome.plan_ms)
        self._report.frame_to_command_ms.append(frame_to_command_ms)
        self._report.non_finite += plan.statistics.non_finite
        values: dict[str, object] = {
            "frame_stamp": f"{outcome.job.frames.stamp:.6f}",
            "plan_ms": f"{outcome.plan_ms:.3f}",
            "frame_to_command_ms": f"{frame_to_command_ms:.3f}",
            "expected_return": f"{float(plan.expected_return[0]):.4f}",
            "iterations": plan.statistics.iterations,
            "non_finite_scores": plan.statistics.non_finite,
        }
        self._publish_statistics.publish(
            status(DiagnosticStatus.OK, "wm_planner: plan", "planned", values)
        )

    def _on_diagnostics(self) -> None:
        arrived = self._buffer.arrived
        age = None if arrived is None else time.monotonic() - arrived
        message = DiagnosticArray(
            status=[self._report.to_status(self._gate, age, self._output.overruns)]
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def main() -> int:
    return spin_until_signal(PlannerNode, PlannerNode.stop_safely)


if __name__ == "__main__":
    raise SystemExit(main())
