"""MuJoCo standing in for the robot: the same topics, on simulated time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from docstring_parser import parse_from_object
from gymnasium.utils.seeding import np_random
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import CameraInfo, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from wm_planner.contract import Contract
from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.disturbances import Disturbances, Disturber
from wm_planner.envs.manipulation import reset_episode
from wm_planner.envs.randomization import Randomization, Randomizer
from wm_planner.envs.scene import build_scene
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import make_task
from wm_planner.nodes.messages import (
    MessageError,
    camera_info,
    encode_image,
    joint_state_message,
    status,
    to_time,
)
from wm_planner.nodes.sim_commands import SimulatedHand, check_waypoint, waypoints_of
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.paths import robot_config

_REPEAT_PERIOD = 0.5  # s a lockstep simulation waits before it sends its last frames again


def _scenario_parameters() -> Iterator[tuple[str, Any, str]]:
    """Name, default and description of what differs between episodes and goes wrong in them."""
    for group, kind in (("randomization", Randomization), ("disturbances", Disturbances)):
        texts = {p.arg_name: p.description for p in parse_from_object(kind).params}
        for field in fields(kind):
            default = field.default
            value = list(default) if isinstance(default, tuple) else default
            yield f"{group}.{field.name}", value, (texts[field.name] or "").replace("\n", " ")


PARAMETERS = (
    ("task", "grasp", "Name of the task."),
    ("robot", "panda", "Name of the robot in config/robots."),
    ("instruction", "", "What the planner is told to do, instead of what the task says."),
    ("cameras", ["front", "wrist"], "Cameras to render."),
    ("image_size", 64, "Height and width of the frames, pixels."),
    ("seed", 0, "Seed of the episode that ~/reset starts."),
    ("lockstep", False, "Wait for commands instead of following the wall clock."),
    ("real_time_factor", 1.0, "Simulated seconds a second, when not in lockstep."),
    *_scenario_parameters(),
)


class SimNode(Node):
    """Publishes /clock, joint_states, frames and the task's state; executes joint commands."""

    def __init__(self) -> None:
        super().__init__("sim")
        for name, default, description in PARAMETERS:
            read_only = name != "seed"
            descriptor = ParameterDescriptor(description=description, read_only=read_only)
            self.declare_parameter(name, default, descriptor)
        self._robot = RobotConfig.load(robot_config(self._value("robot")))
        gripper = Contract.load(self._value("robot")).gripper
        self._hand = SimulatedHand(
            self, gripper, self._robot, lambda: self._simulation.joint_state().positions[-1]
        )
        self._commanded = gripper.commanded(self._robot.joint_names)
        self._measured = self._robot.joint_names[: None if gripper.measured else -1]
        self._task = make_task(self._value("task"))
        scene = build_scene(self._robot, self._task.props())
        self._cameras = tuple(self._value("cameras"))
        self._simulation = Simulation(scene, self._robot, self._cameras, self._value("image_size"))
        self._randomizer = Randomizer(self._group("randomization", Randomization), scene)
        self._disturber = Disturber(self._group("disturbances", Disturbances), self._simulation)
        self._lockstep = self._value("lockstep")
        self._dt = 1.0 / self._robot.command_rate_hz
        self._home = np.r_[self._robot.home, self._robot.finger_range[1]]
        self._epoch_time = 0.0  # simulated seconds before this episode: time never runs back
        self._waypoints: deque[np.ndarray] = deque()
        self._late: deque[tuple[int, list[tuple[Publisher, Any]]]] = deque()  # tick, messages
        self._lost = self._paused = False
        self._create_topics()
        self._create_services()
        self._begin_episode()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        if self._lockstep:
            self.create_timer(_REPEAT_PERIOD, self._repeat, clock=steady)
        else:
            period = self._dt / self._value("real_time_factor")
            self.create_timer(period, self._on_tick, clock=steady)

    def _value(self, name: str):  # type: ignore[no-untyped-def]
        return self.get_parameter(name).value

    def _group(self, name: str, kind: type) -> Any:
        """A dataclass from the parameters `name`.<field>."""
        values = {field.name: self._value(f"{name}.{field.name}") for field in fields(kind)}
        return kind(**{k: v if isinstance(v, float) else tuple(v) for k, v in values.items()})

    def _create_topics(self) -> None:
        reliable = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        latched = QoSProfile(
            depth=1,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL,
        )
        frames = QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
        self._clock_topic = self.create_publisher(ClockMsg, "/clock", 10)
        self._joints_topic = self.create_publisher(JointStateMsg, "joint_states", reliable)
        self._instruction_topic = self.create_publisher(String, "instruction", latched)
        self._state_topic = self.create_publisher(DiagnosticStatus, "~/task_state", reliable)
        self._frame_topics = {
            camera: (
                self.create_publisher(Image, f"{camera}/color", frames),
                self.create_publisher(CameraInfo, f"{camera}/camera_info", frames),
            )
            for camera in self._cameras
        }
        self.create_subscription(Float64MultiArray, "commands", self._on_command, reliable)
        self.create_subscription(JointTrajectory, "joint_trajectory", self._on_trajectory, reliable)

    def _create_services(self) -> None:
        for name, callback in (
            ("reset", self._on_reset),
            ("pause", self._on_pause),
            ("resume", self._on_resume),
            ("step", self._on_step),
        ):
            self.create_service(Trigger, f"~/{name}", callback)

    # Time

    @property
    def _now(self) -> float:
        return self._epoch_time + self._simulation.time

    def _begin_episode(self) -> None:
        self._epoch_time = self._now + 1.0
        self._waypoints.clear()
        self._late.clear()
        self._lost = False
        rng = np_random(self._value("seed"))[0]  # as gymnasium seeds an environment
        reset_episode(self._simulation, self._task, self._home, self._randomizer, rng)
        self._target = self._simulation.joint_state().positions[: len(self._commanded)]
        self._hand.reset()
        self._disturber.reset(self._value("seed"))
        self._ticks = 0
        told = self._value("instruction") or self._task.instruction
        self._instruction_topic.publish(String(data=told))
        self._publish_control_step()

    def _on_tick(self) -> None:
        if not self._paused:
            self._advance()

    def _advance(self) -> None:
        """One waypoint period: execute the next waypoint, or hold the last one."""
        if self._ticks % self._robot.waypoints_per_action == 0:
            self._lost = self._disturber.begin_step()
        if self._waypoints:
            self._target = self._waypoints.popleft()
        self._simulation.command(self._hand.joints(self._target))
        self._simulation.advance(self._dt)
        self._ticks += 1
        if self._ticks % self._robot.waypoints_per_action == 0:
            self._publish_control_step()
        else:
            self._publish_joints()
        while self._late and self._late[0][0] <= self._ticks:
            for publisher, message in self._late.popleft()[1]:
                publisher.publish(message)

    def _repeat(self) -> None:
        """Send the last frames again, in case nobody was listening yet."""
        if not self._paused and self._ticks % self._robot.waypoints_per_action == 0:
            self._publish_joints()
            self._publish_frames()

    # Commands

    def _on_command(self, message: Float64MultiArray) -> None:
        self._execute([np.array(message.data)])

    def _on_trajectory(self, message: JointTrajectory) -> None:
        # In lockstep always one action's worth: a shorter motion has come to rest by then.
        count = self._robot.waypoints_per_action if self._lockstep else None
        start = self._simulation.joint_state().positions[: len(self._commanded)]
        try:
            self._execute(waypoints_of(message, self._commanded, start, self._now, self._dt, count))
        except MessageError as error:
            self._drop(str(error))

    def _execute(self, waypoints: list[np.ndarray]) -> None:
        try:
            for positions in waypoints:
                check_waypoint(positions, len(self._commanded))
        except MessageError as error:
            self._drop(str(error))
            return
        self._waypoints.clear()
        self._waypoints.extend(waypoints)
        while self._lockstep and self._waypoints and not self._paused:
            self._advance()

    def _drop(self, why: str) -> None:
        self.get_logger().warning(f"dropped: {why}", throttle_duration_sec=1.0)

    # Services

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._paused = False
        self._begin_episode()
        response.success, response.message = True, f"episode of seed {self._value('seed')}"
        return response

    def _on_pause(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._paused = True
        self._waypoints.clear()
        response.success, response.message = True, "paused"
        return response

    def _on_resume(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._paused = False
        response.success, response.message = True, "running"
        return response

    def _on_step(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        for _tick in range(self._robot.waypoints_per_action):
            self._advance()
        response.success, response.message = True, f"at {self._now:.2f} s"
        return response

    # Publishing

    def _publish_control_step(self) -> None:
        judgement = self._task.judge(self._simulation)
        step = self._ticks // self._robot.waypoints_per_action
        self._publish_joints()
        if not self._lost:
            self._publish_frames()
        values = {
            "task": self._task.name,
            "seed": self._value("seed"),
            "step": step,
            "stamp": f"{self._now:.6f}",
            "time_limit": self._task.time_limit,
            "reward": f"{judgement.reward:.6f}",
            "stage": judgement.stage,
            "success": judgement.success,
        }
        text = "success" if judgement.success else "under way"
        self._state_topic.publish(status(DiagnosticStatus.OK, "sim: task", text, values))

    def _publish_joints(self) -> None:
        self._clock_topic.publish(ClockMsg(clock=to_time(self._now)))
        state = self._simulation.joint_state()._replace(stamp=self._now)
        self._joints_topic.publish(joint_state_message(state, self._measured))

    def _publish_frames(self) -> None:
        """Now, or as late as this episode's latency says."""
        messages: list[tuple[Publisher, Any]] = []
        size = self._value("image_size")
        for camera, frame in self._disturber.seen(self._simulation.frames()).items():
            image, info = self._frame_topics[camera]
            fovy = float(self._simulation.model.camera(camera).fovy[0])
            messages.append((image, encode_image(frame, self._now, camera)))
            messages.append((info, camera_info(size, fovy, self._now, camera)))
        if self._randomizer.latency_waypoints and not self._lockstep:
            self._late.append((self._ticks + self._randomizer.latency_waypoints, messages))
            return
        for publisher, message in messages:
            publisher.publish(message)


def main() -> int:
    return spin_until_signal(SimNode, lambda node: node._simulation.close())


if __name__ == "__main__":
    raise SystemExit(main())
