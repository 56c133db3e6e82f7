"""Lifecycle node: camera frames and joint states in, safe joint commands out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool, Float64, Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from wm_planner.assembly import build_pipeline, give_any_task
from wm_planner.contract import Contract
from wm_planner.control.arm import CartesianArm
from wm_planner.errors import UserError
from wm_planner.monitoring.caution import Surprised
from wm_planner.nodes import parameters
from wm_planner.nodes.candidates import candidate_markers
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.frame_buffer import frame_buffer_of
from wm_planner.nodes.goal_inbox import first_goal
from wm_planner.nodes.gripper.connect import make_hand
from wm_planner.nodes.gripper.switch import GripperSwitch
from wm_planner.nodes.messages import encode_image
from wm_planner.nodes.search_parameters import planner_config
from wm_planner.nodes.session import Session
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.nodes.stamps import corrected
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.paths import model_dir
from wm_planner.perception.frame_guard import FrameGuard
from wm_planner.pipeline import Pipeline
from wm_planner.process import spare_garbage_collection
from wm_planner.processor import configure_torch
from wm_planner.world_models.store import load_model

_WATCHDOG_PERIOD = 0.05  # s
_SWITCH_INTERVAL = 0.0005  # s that the executor may keep Python from the planning thread
_RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
_LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_NEWEST_FRAME = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_NEWEST_JOINTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class PlannerNode(LifecycleNode):
    """Declares parameters, loads the model, and connects a session to topics and services."""

    make_output: type[CommandOutput] = CommandOutput
    make_session: type[Session] = Session

    def __init__(self, build: Callable[..., Pipeline] = build_pipeline, **options: Any) -> None:
        """`build` makes the pipeline from model, planner configuration and device."""
        super().__init__("wm_planner", **options)
        self._build = build
        parameters.declare(self)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._session: Session | None = None
        self._undo: list[Any] = []  # takes down what configure made, last first

    # Life cycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            settings = parameters.values(self)
            pipeline, cameras = self._load(settings)
            self._session = self._connect(pipeline, cameras, settings)
        except (UserError, OSError, RuntimeError) as error:
            self.get_logger().error(f"cannot configure: {error}")
            self.take_down()
            return TransitionCallbackReturn.FAILURE
        self._session.report.budget = pipeline.budget
        self._session.report.adviser = pipeline.adviser
        spare_garbage_collection()
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        if self._session is not None:
            self._session.activate()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self._session is not None:
            self._session.deactivate("the node was deactivated")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.take_down()
        return TransitionCallbackReturn.SUCCESS

    on_shutdown = on_cleanup
    on_error = on_cleanup

    def take_down(self) -> None:
        """End planning, send the safe command, destroy everything; may be called twice."""
        if self._session is not None:
            self._session.deactivate("the node is shutting down")
            self._session.close()
            self._session = None
        while self._undo:
            self._undo.pop()()

    def _load(self, settings: dict[str, Any]) -> tuple[Pipeline, tuple[str, ...]]:
        configure_torch(settings["threads"])
        model = load_model(model_dir(settings["model"]), settings["device"])
        config = planner_config(settings)
        self._contract = Contract.load(model.config.robot)
        pipeline = self._build(model, config, settings["device"])
        cameras, size = model.config.cameras, model.config.image_size
        blank = {camera: np.zeros((size, size, 3), np.uint8) for camera in cameras}
        give_any_task(pipeline, blank)
        for _ in range(2):  # the first plan allocates what later ones use
            with suppress(Surprised):
                pipeline.think(blank, np.zeros(model.config.proprio_size, np.float32))
        pipeline.set_instruction(settings["instruction"] or None)
        pipeline.set_goal(first_goal(pipeline, cameras, settings["goal"]))
        self.get_logger().info(
            f"model '{settings['model']}' sha256 {model.sha256[:12]} on {settings['device']}, "
            f"planner {settings['planner']}, cameras {list(cameras)}; budget {pipeline.budget}"
        )
        return pipeline, cameras

    def _connect(
        self, pipeline: Pipeline, cameras: tuple[str, ...], settings: dict[str, Any]
    ) -> Session:
        arm: CartesianArm = pipeline.robot  # type: ignore[assignment]
        lockstep = settings["lockstep"]
        waypoints = self._publisher(Float64MultiArray, "~/commands", _RELIABLE)
        trajectories = self._publisher(JointTrajectory, "~/joint_trajectory", _RELIABLE)
        as_waypoints = settings["command_type"] == "commands"
        output = self.make_output(
            arm,
            waypoints.publish if as_waypoints else None,
            None if as_waypoints else trajectories.publish,
            burst=lockstep,
            gripper=self._gripper(arm),
            measured=self._contract.gripper.measured,
            now=self._seconds if self._contract.stamped else None,
        )
        commands = waypoints if as_waypoints else trajectories
        buffer = frame_buffer_of(cameras, settings, self._contract)
        guard = FrameGuard(pipeline.image_size, settings["min_contrast"], settings["frozen_motion"])
        around = self._surroundings(commands, arm)
        session = self.make_session(pipeline, buffer, guard, output, lockstep, around)
        self._subscribe(session, cameras, settings)
        for name in ("start", "stop", "reset"):
            self._service(name, getattr(session, name))
        for name in ("success", "failure"):
            self._service(f"mark_{name}", getattr(session.marks, name))
        if not lockstep:
            self._timer(1 / arm.config.command_rate_hz, session.stream, self.get_clock())
        self._timer(_WATCHDOG_PERIOD, session.watch, self._steady)
        self._timer(1 / settings["diagnostics_rate_hz"], self._send_diagnostics, self._steady)
        self._watch_clock(session)
        return session

    def _gripper(self, arm: CartesianArm) -> GripperSwitch | None:
        """What tells a hand that is apart from the arm; None where it is one of its joints."""
        told = self._contract.gripper
        if not told.separate:
            return None
        hand = make_hand(self, told, arm.config, lambda n: self._publisher(Bool, n, _LATCHED))
        return self._kept(GripperSwitch(hand, self._on_gripper), GripperSwitch.close)

    def _surroundings(self, commands: Any, arm: CartesianArm) -> Surroundings:
        self._diagnostics = self._kept(
            self.create_publisher(DiagnosticArray, "/diagnostics", 10), self.destroy_publisher
        )
        statistics = self._publisher(DiagnosticStatus, "~/plan_statistics", 10)
        surprise = self._publisher(Float64, "~/surprise", 10)
        mark = self._publisher(Bool, "~/mark", _RELIABLE)
        candidates = self._publisher(MarkerArray, "~/candidates", 1)
        imagination = self._publisher(Image, "~/imagination", 1)
        done = self._kept(
            self.create_guard_condition(self._on_outcomes), self.destroy_guard_condition
        )
        return Surroundings(
            now=self._seconds,
            parameter=lambda name: self.get_parameter(name).value,
            warn=lambda text: self.get_logger().warning(text),
            heard=lambda: commands.get_subscription_count() > 0,
            watched=lambda: imagination.get_subscription_count() > 0,
            send_statistics=statistics.publish,
            send_surprise=lambda value: surprise.publish(Float64(data=value)),
            send_mark=lambda success: mark.publish(Bool(data=success)),
            compared=lambda: candidates.get_subscription_count() > 0,
            send_candidates=lambda plan, stamp: candidates.publish(
                candidate_markers(plan, arm, stamp, self.get_parameter("base_frame").value)
            ),
            send_picture=lambda picture, stamp: imagination.publish(
                encode_image(picture, stamp, "imagined")
            ),
            report=self._send_diagnostics,
            wake=done.trigger,
            prepare=self._contract.frames,
        )

    def _subscribe(
        self, session: Session, cameras: tuple[str, ...], settings: dict[str, Any]
    ) -> None:
        lockstep, contract = settings["lockstep"], self._contract
        packed = settings["image_transport"] == "compressed"
        frames = _RELIABLE if lockstep else _NEWEST_FRAME
        joints = _RELIABLE if lockstep else _NEWEST_JOINTS
        wanted: list[tuple[Any, ...]] = [
            (String, "~/instruction", session.instructions.put, _LATCHED),
            *(
                (
                    CompressedImage if packed or camera.compressed else Image,
                    camera.source,
                    corrected(camera, session.put_image),
                    frames,
                )
                for camera in map(contract.camera, cameras)
            ),
        ]
        wanted.append((JointStateMsg, contract.joint_states, session.put_joints, joints))
        wanted.append((Image, "~/goal", session.goals.put, _LATCHED))
        for arguments in wanted:
            self._kept(self.create_subscription(*arguments), self.destroy_subscription)

    def _service(self, name: str, act: Any) -> None:
        def serve(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.success, response.message = act()
            return response

        self._kept(self.create_service(Trigger, f"~/{name}", serve), self.destroy_service)

    def _publisher(self, kind: type, topic: str, qos: Any) -> Any:
        publisher: Any = self.create_lifecycle_publisher(kind, topic, qos)
        return self._kept(publisher, self.destroy_publisher)

    def _timer(self, period: float, callback: Any, clock: Clock) -> None:
        self._kept(self.create_timer(period, callback, clock=clock), self.destroy_timer)

    def _watch_clock(self, session: Session) -> None:
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False
        )
        jump = self.get_clock().create_jump_callback(
            threshold, post_callback=lambda _: session.clock_jumped_back()
        )
        self._undo.append(jump.unregister)

    def _kept(self, entity: Any, destroy: Any) -> Any:
        self._undo.append(partial(destroy, entity))
        return entity

    def _seconds(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _on_outcomes(self) -> None:
        if self._session is not None:
            self._session.take_outcomes()

    def _on_gripper(self, problem: str) -> None:
        self.get_logger().warning(problem or "the hand was told what it had not been")
        self._send_diagnostics()

    def _send_diagnostics(self) -> None:
        if self._session is None:
            return
        message = DiagnosticArray(status=self._session.statuses())
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def main() -> int:
    sys.setswitchinterval(_SWITCH_INTERVAL)
    return spin_until_signal(PlannerNode, PlannerNode.take_down)


if __name__ == "__main__":
    raise SystemExit(main())
