"""A world model standing in for the robot: the planner runs against its own imagination."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import CameraInfo, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.nodes.messages import (
    MessageError,
    camera_info,
    encode_image,
    joint_state_message,
    status,
    to_time,
)
from wm_planner.nodes.sim_commands import check_waypoint, waypoints_of
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.paths import model_dir
from wm_planner.play.dream import Dream
from wm_planner.play.motion import ActionReader
from wm_planner.processor import configure_torch
from wm_planner.types import JointState
from wm_planner.world_models.store import load_model

_REPEAT_PERIOD = 0.5  # s a lockstep node waits before it sends its last frames again

PARAMETERS = (
    ("model", "grasp", "Name of a model in models/, or the path of a model folder."),
    ("device", "cpu", "Where the model runs: cpu, cuda or cuda:N."),
    ("threads", 1, "Processor threads of the model."),
    ("seed", 5_000_000, "Seed of the simulated scene that ~/reset starts from."),
    ("lockstep", False, "Wait for commands instead of following the wall clock."),
    ("real_time_factor", 1.0, "Imagined seconds a second, when not in lockstep."),
)


class Target(NamedTuple):
    """Where the joints are sent next."""

    positions: np.ndarray  # (J,) at the next waypoint
    goal: np.ndarray  # (J,) at the end of the command it belongs to


class PlayNode(Node):
    """Publishes what sim_node does, /clock, joint_states and frames, and takes the same commands.

    The frames are decoded from the model's latent. It starts from a simulated scene, and from then
    on is advanced once a control step by the action that `ActionReader` finds behind the commanded
    joints: the end of a trajectory, or the last waypoint. Joint states are the commanded ones: the
    arm follows without error and is stopped by nothing. `~/belief` (DiagnosticStatus) has the
    step's action, predicted reward and value, and the drift meter.
    """

    def __init__(self) -> None:
        super().__init__("play")
        for name, default, description in PARAMETERS:
            descriptor = ParameterDescriptor(description=description, read_only=name != "seed")
            self.declare_parameter(name, default, descriptor)
        for name in ("threads", "real_time_factor"):
            if not self._value(name) > 0:
                raise UserError(f"parameter {name} is {self._value(name)}, expected above 0")
        configure_torch(self._value("threads"))
        model = load_model(model_dir(self._value("model")), self._value("device"))
        self._size = model.config.image_size
        self._dream = Dream(model, self._value("device"), self._value("seed"))
        self._robot = self._dream.arm.config
        if Contract.load(model.config.robot).gripper.separate:
            raise UserError(
                "a world model stands in for a robot whose finger is one of the commanded joints; "
                "set the type of the gripper in the robot's interface file to joint"
            )
        self._reader = ActionReader(self._robot, self._robot.mjcf_path)
        self._lockstep = self._value("lockstep")
        self._dt = 1.0 / self._robot.command_rate_hz
        self._now = 0.0  # imagined seconds; never runs back
        self._targets: deque[Target] = deque()
        self._create_topics(model.config.cameras)
        self.create_service(Trigger, "~/reset", self._on_reset)
        self._begin()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        period = _REPEAT_PERIOD if self._lockstep else self._dt / self._value("real_time_factor")
        self.create_timer(period, self._repeat if self._lockstep else self._advance, clock=steady)

    def close(self) -> None:
        self._dream.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _create_topics(self, cameras: tuple[str, ...]) -> None:
        reliable = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        frames = QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
        self._clock_topic = self.create_publisher(ClockMsg, "/clock", 10)
        self._joints_topic = self.create_publisher(JointStateMsg, "joint_states", reliable)
        self._belief_topic = self.create_publisher(DiagnosticStatus, "~/belief", reliable)
        self._frame_topics = {
            camera: (
                self.create_publisher(Image, f"{camera}/color", frames),
                self.create_publisher(CameraInfo, f"{camera}/camera_info", frames),
            )
            for camera in cameras
        }
        self.create_subscription(Float64MultiArray, "commands", self._on_command, reliable)
        self.create_subscription(JointTrajectory, "joint_trajectory", self._on_trajectory, reliable)

    # Time

    def _begin(self) -> None:
        """Encode the scene of the present seed."""
        self._dream.reset(self._value("seed"))
        start = self._dream.joints.positions
        self._reader.reset(start)
        self._targets.clear()
        self._target = Target(start, start)
        self._velocities = np.zeros_like(start)
        self._now += 1.0
        self._ticks = 0
        self._action = np.zeros(self._dream.arm.action_size)
        self._publish_control_step()

    def _advance(self) -> None:
        """One waypoint period: go to the next waypoint, or stay."""
        before = self._target.positions
        if self._targets:
            self._target = self._targets.popleft()
        self._velocities = (self._target.positions - before) / self._dt
        self._now += self._dt
        self._ticks += 1
        if self._ticks % self._robot.waypoints_per_action:
            self._publish_joints()
            return
        self._action = self._reader.read(self._target.goal)
        self._dream.advance(self._action)
        self._publish_control_step()

    def _repeat(self) -> None:
        """Send the last frames again, in case nobody was listening yet."""
        if self._ticks % self._robot.waypoints_per_action == 0:
            self._publish_control_step()

    # Commands

    def _on_command(self, message: Float64MultiArray) -> None:
        positions = np.array(message.data)
        self._execute([positions], positions)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        count = self._robot.waypoints_per_action if self._lockstep else None
        names, start = self._robot.joint_names, self._target.positions
        try:
            sampled = waypoints_of(message, names, start, self._now, self._dt, count)
        except MessageError as error:
            self._drop(str(error))
            return
        self._execute(sampled, np.array(message.points[-1].positions))

    def _execute(self, waypoints: list[np.ndarray], goal: np.ndarray) -> None:
        """Follow waypoints (J,) on the way to `goal` (J,)."""
        try:
            for positions in waypoints:
                check_waypoint(positions, len(self._robot.joint_names))
        except MessageError as error:
            self._drop(str(error))
            return
        self._targets.clear()
        self._targets.extend(Target(positions, goal) for positions in waypoints)
        while self._lockstep and self._targets:
            self._advance()

    def _drop(self, why: str) -> None:
        self.get_logger().warning(f"dropped: {why}", throttle_duration_sec=1.0)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._begin()
        response.success, response.message = True, f"scene of seed {self._value('seed')}"
        return response

    # Publishing

    def _publish_control_step(self) -> None:
        belief = self._dream.believe()
        self._publish_joints()
        for camera, frame in belief.frames.items():
            image, info = self._frame_topics[camera]
            fovy = float(self._dream.env.simulation.model.camera(camera).fovy[0])
            image.publish(encode_image(frame, self._now, camera))
            info.publish(camera_info(self._size, fovy, self._now, camera))
        values: dict[str, object] = {
            "seed": self._value("seed"),
            "step": self._dream.steps,
            "stamp": f"{self._now:.6f}",
            "action": " ".join(f"{a:.4f}" for a in self._action),
            "reward": f"{belief.reward:.6f}",
            "value": f"{belief.value:.6f}",
            "disagreement": f"{belief.disagreement:.6f}",
            "drift": f"{belief.drift:.6f}",
        }
        self._belief_topic.publish(status(DiagnosticStatus.OK, "play: belief", "imagined", values))

    def _publish_joints(self) -> None:
        self._clock_topic.publish(ClockMsg(clock=to_time(self._now)))
        state = JointState(self._target.positions, self._velocities, self._now)
        self._joints_topic.publish(joint_state_message(state, self._robot.joint_names))


def main() -> int:
    return spin_until_signal(PlayNode, PlayNode.close)


if __name__ == "__main__":
    raise SystemExit(main())
