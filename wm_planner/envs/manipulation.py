"""The Gymnasium environment: one task, one arm, camera frames and proprioception at 10 Hz."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from wm_planner.control.arm import CartesianArm
from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.disturbances import Disturbances, Disturber
from wm_planner.envs.props import Prop
from wm_planner.envs.randomization import Randomization, Randomizer
from wm_planner.envs.scene import build_scene
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import make_task
from wm_planner.envs.tasks.task import Judgement, TurnsHand
from wm_planner.paths import robot_config


@dataclass(frozen=True)
class EnvConfig:
    """How an environment is built.

    Attributes:
        task: name of the task.
        robot: name of the arm in config/robots.
        cameras: cameras to render, in this order.
        image_size: height and width of the frames, pixels.
        time_limit: seconds an episode may take; 0 for the task's.
        randomization: what differs from episode to episode besides the start.
        disturbances: what goes wrong on the way.
        visitors: props besides the task's.
    """

    task: str = "grasp"
    robot: str = "panda"
    cameras: tuple[str, ...] = ("front", "wrist")
    image_size: int = 64
    time_limit: float = 0.0
    randomization: Randomization = field(default_factory=Randomization)
    disturbances: Disturbances = field(default_factory=Disturbances)
    visitors: tuple[Prop, ...] = ()


class ManipulationEnv(gymnasium.Env):
    """Observations are {camera: (h, w, 3) uint8, "proprio": (P,) float32}; actions (A,) in [-1, 1].

    `info` holds the episode's `instruction` in words, and what a robot would not know: `success`,
    `stage`, `landmarks` (K,), `expert` (A,), the scripted expert's action for the state just
    reached, and `lost`: the frames of this step never arrive, and a robot would `wait`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, config: EnvConfig | None = None, render_mode: str | None = None) -> None:
        self.config = config or EnvConfig()
        self.render_mode = render_mode
        self.task = make_task(self.config.task)
        robot = RobotConfig.load(robot_config(self.config.robot))
        self.arm = CartesianArm(robot, robot.mjcf_path)
        scene = build_scene(robot, (*self.task.props(), *self.config.visitors))
        self.simulation = Simulation(scene, robot, self.config.cameras, self.config.image_size)
        self._randomizer = Randomizer(self.config.randomization, scene)
        self._disturber = Disturber(self.config.disturbances, self.simulation)
        limit = self.config.time_limit * robot.control_rate_hz
        self.time_limit = round(limit) or self.task.time_limit  # control steps
        self._latency = 0
        self._pending: deque[tuple[int, np.ndarray]] = deque()  # when due, in waypoints; action
        self.command_ms = 0.0  # what the last step's command took to compute
        size = self.config.image_size
        frame = spaces.Box(0, 255, (size, size, 3), np.uint8)
        proprio = spaces.Box(-np.inf, np.inf, (self.arm.proprio_size,), np.float32)
        self.observation_space = spaces.Dict(
            {**dict.fromkeys(self.config.cameras, frame), "proprio": proprio}
        )
        self.action_space = spaces.Box(-1.0, 1.0, (self.arm.action_size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        reset_episode(self.simulation, self.task, self.arm.home, self._randomizer, self.np_random)
        self._latency = self._randomizer.latency_waypoints
        self.arm.reset(self.simulation.joint_state())
        self._pending.clear()
        self._steps = self._tick = 0
        self._disturber.reset(seed if seed is not None else int(self.np_random.integers(2**31)))
        judgement = self.task.judge(self.simulation)
        return self._observation(), self._info(judgement, lost=False)

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        self._pending.append((self._tick + self._latency, np.asarray(action, np.float64)))
        return self.wait()

    def wait(self) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """A step without a new action: the arm finishes its last command and stays."""
        lost = self._disturber.begin_step()
        for _ in range(self.arm.config.waypoints_per_action):
            self._advance()
        self._steps += 1
        judgement = self.task.judge(self.simulation)
        truncated = self._steps >= self.time_limit
        info = self._info(judgement, lost)
        return self._observation(), judgement.reward, judgement.success, truncated, info

    def render(self) -> np.ndarray:
        return self.simulation.render(self.config.cameras[0], (480, 480))

    def close(self) -> None:
        self.simulation.close()

    def _advance(self) -> None:
        """One waypoint, and before it the command whose time has come."""
        if self._pending and self._pending[0][0] <= self._tick:
            _, action = self._pending.popleft()
            started = time.perf_counter()
            self.arm.to_command(action, self.simulation.joint_state())
            self.command_ms = (time.perf_counter() - started) * 1e3
        self.simulation.command(self.arm.advance())
        self.simulation.advance(1.0 / self.arm.config.command_rate_hz)
        self._tick += 1

    def _observation(self) -> dict[str, np.ndarray]:
        proprio = self.arm.proprioception(self.simulation.joint_state())
        return {**self._disturber.seen(self.simulation.frames()), "proprio": proprio}

    def _info(self, judgement: Judgement, lost: bool) -> dict[str, Any]:
        return {
            "instruction": self.task.instruction,
            "lost": lost,
            "stage": judgement.stage,
            "success": judgement.success,
            "landmarks": judgement.landmarks,
            "expert": self.whole_action(self.task.expert(self.simulation, self.arm.goal)),
        }

    def whole_action(self, action: np.ndarray) -> np.ndarray:
        """Action (A,) of dx, dy, dz and gripper (4,); it also turns the hand as the task wants."""
        yaw = self.task.hand_yaw(self.simulation) if isinstance(self.task, TurnsHand) else 0.0
        return np.r_[action[:-1], self.arm.turn_towards(yaw), action[-1]]


def reset_episode(
    simulation: Simulation,
    task: Any,
    home: np.ndarray,
    randomizer: Randomizer,
    rng: np.random.Generator,
) -> None:
    """Start an episode: the same generator state gives the same start, in process and over ROS."""
    randomizer.apply(rng)
    positions = home.copy()
    positions[:-1] += rng.uniform(-0.04, 0.04, len(home) - 1)
    simulation.reset(positions)
    task.start(simulation, rng)
    simulation.settle()
