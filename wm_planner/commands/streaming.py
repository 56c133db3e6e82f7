"""The streaming command: how smooth what a drive gets of recorded trajectories is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wm_planner.bags.bag import Bag
from wm_planner.contract import Contract, topic
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.evaluation.streaming.picture import draw_streaming
from wm_planner.evaluation.streaming.sent import Delivery, Sent
from wm_planner.evaluation.streaming.study import Row, Study
from wm_planner.nodes.bag_import.decode import decode
from wm_planner.nodes.messages import MessageError, seconds
from wm_planner.paths import robot_config

_APART = 0.06  # rad between what a trajectory goes on from and its first point: another episode


@dataclass(frozen=True)
class StreamingConfig:
    """What a drive gets of recorded trajectories, by controller and network, and how smooth it is.

    Emulates ros2_control's joint_trajectory_controller and forward_command_controller, as their
    sources read, on what a planner published with command_type: trajectory. Every message counts
    as sent when it was due, an action after the one before.

    Attributes:
        bag: recording of the robot's command topic.
        robot: name of the robot in config/robots, or the path of a robot file.
        rate_hz: cycles a second of the controllers.
        jitter: messages are late by up to so many seconds, where they are.
        lost: share of the messages that are lost, where some are.
        seed: of both.
        out: PNG of what the fastest joint gets; needs matplotlib.
    """

    bag: Path
    robot: str = "panda"
    rate_hz: float = 500.0
    jitter: float = 0.02
    lost: float = 0.05
    seed: int = 0
    out: Path | None = None

    def __post_init__(self) -> None:
        if not 50 <= self.rate_hz <= 10_000:
            raise UserError(f"rate_hz is {self.rate_hz}, expected 50 to 10000")
        if not 0 <= self.jitter <= 0.1:
            raise UserError(f"jitter is {self.jitter}, expected 0 to 0.1 s")
        if not 0 <= self.lost <= 0.5:
            raise UserError(f"lost is {self.lost}, expected 0 to 0.5")

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """On time, late, and late or lost."""
        late = f"up to {1e3 * self.jitter:.0f} ms late"
        return (
            Delivery("on time"),
            Delivery(late, self.jitter),
            Delivery(f"{late}, {self.lost:.0%} lost", self.jitter, self.lost),
        )


def streaming(config: StreamingConfig) -> int:
    """Print a table, and draw a picture where one is wanted."""
    robot = RobotConfig.load(robot_config(config.robot))
    episodes = sent_in(config.bag, Contract.load(config.robot), robot)
    study = Study(episodes, robot, config.rate_hz, config.seed)
    rows = [row for delivery in config.deliveries for row in study.rows(delivery)]
    messages = sum(map(len, episodes))
    print(
        f"{messages} trajectories of {len(episodes)} episodes, {config.rate_hz:g} cycles a second; "
        f"as planned, in shares of the published limits: {_numbers(study.as_planned())}"
    )
    print(_table(rows))
    if config.out is not None:
        draw_streaming(study, config.deliveries[1], config.out)
        print(f"wrote {config.out}")
    return 0


def sent_in(path: Path, contract: Contract, robot: RobotConfig) -> list[list[Sent]]:
    """Trajectories of each episode in a bag; those with their start in them keep it."""
    bag = Bag(path)
    topics = [t for t in bag.counts if t.kind == "trajectory_msgs/msg/JointTrajectory"]
    if len(topics) > 1:
        topics = [t for t in topics if t.name == topic(contract.command)]
    if len(topics) != 1:
        names = sorted({t.name for t in bag.counts})[:20]
        raise UserError(
            f"{path}: not one topic of trajectory_msgs/JointTrajectory, but {names}; record the "
            "planner with command_type: trajectory, or name its topic as the command of the "
            "robot's interface file"
        )
    joints = contract.gripper.commanded(robot.joint_names)
    period = 1 / robot.control_rate_hz
    episodes: list[list[Sent]] = []
    for message in bag.messages(topics):
        times, motion = _points(decode(message), joints, path)
        before = episodes[-1][-1] if episodes else None
        goes_on = before is not None and before.leads_to(motion[0, 0], period, _APART)
        if not goes_on:
            episodes.append([])
        if times[0] > 0:
            begin = before.state(period) if before is not None and goes_on else _at_rest(motion[0])
            times, motion = np.r_[0.0, times], np.concatenate([begin[None], motion])
        episodes[-1].append(Sent(period * len(episodes[-1]), times, motion))
    return [episode for episode in episodes if len(episode) > 1]


def _points(message: object, joints: Sequence[str], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times (n,) and positions, velocities and accelerations (n, 3, J) of a trajectory."""
    try:
        points = message.points  # type: ignore[attr-defined]
        times = np.array([seconds(point.time_from_start) for point in points])
        motion = np.array([[p.positions, p.velocities, p.accelerations] for p in points])
    except (AttributeError, ValueError) as error:
        raise MessageError(f"{path}: a trajectory that cannot be read: {error}") from error
    if motion.shape != (len(times), 3, len(joints)) or not (np.diff(times) > 0).all():
        raise MessageError(
            f"{path}: a trajectory of shape {motion.shape}, expected position, velocity and "
            f"acceleration of {len(joints)} joints, at times that grow"
        )
    return times, motion


def _at_rest(point: np.ndarray) -> np.ndarray:
    return np.stack([point[0], *np.zeros((2, point.shape[1]))])


def _numbers(found: Sequence[float]) -> str:
    velocity, acceleration, jerk, usual, _ = found
    return (
        f"velocity {velocity:.2f}, acceleration {acceleration:.2f}, jerk {jerk:.2f}, usual jerk "
        f"{usual:.2f}"
    )


def _table(rows: Sequence[Row]) -> str:
    lines = [
        "| Messages | Controller | velocity | acceleration | jerk | usual jerk | apart, mrad |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        velocity, acceleration, jerk, usual, apart = row.found
        lines.append(
            f"| {row.delivery} | {row.controller} | {velocity:.2f} | {acceleration:.1f} | "
            f"{jerk:.1f} | {usual:.2f} | {1e3 * apart:.1f} |"
        )
    return "\n".join(lines)
