"""`wm_planner robot check`: what an arm's file promises, measured; with a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from wm_planner.commands.robot.picture import draw_robot
from wm_planner.control.arm_model import read_arm
from wm_planner.control.clearance import Clearance
from wm_planner.control.kinematics import Kinematics, Unreachable
from wm_planner.control.robot_config import RobotConfig
from wm_planner.control.rotation import rotation_vector
from wm_planner.errors import UserError
from wm_planner.evaluation.video import write_picture
from wm_planner.paths import robot_config

_GRID = (7, 7, 4)
_REACHED = 0.95  # share of the workspace that must be reached
_TILT = 0.1  # rad the hand may be off pointing as at home
_SLOWEST = 5.0  # ms a solution may take: a command has 20
_LOOK = 0.01  # m within which pairs are looked at


@dataclass(frozen=True)
class RobotCheckConfig:
    """Measure what an arm's file promises, and draw it.

    Attributes:
        robot: name of the arm in config/robots, or the path of its file.
        picture: PNG to write; default out/robot_<name>.png.
    """

    robot: str
    picture: Path | None = None


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    found: str
    passed: bool


def check_robot(config: RobotCheckConfig) -> int:
    """Print a line for each finding, write the picture; 1 where one failed."""
    file = robot_config(config.robot)
    robot = RobotConfig.load(file)
    findings = examine_robot(robot)
    picture = config.picture or Path("out") / f"robot_{file.stem}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_picture(picture, draw_robot(robot))
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.what:{width}}  {finding.found}")
    print(f"picture: {picture}")
    return 0 if all(finding.passed for finding in findings) else 1


def examine_robot(robot: RobotConfig) -> list[Finding]:
    """Limits, home, workspace and time, of the file and its MJCF."""
    model = read_arm(robot, robot.mjcf_path).compile()
    _check_names(robot, model)
    kinematics = Kinematics(robot, robot.mjcf_path)
    return [_limits(robot, model), _home(robot), *_workspace(robot, kinematics)]


def _check_names(robot: RobotConfig, model: mujoco.MjModel) -> None:
    for kind, names in (
        (mujoco.mjtObj.mjOBJ_JOINT, robot.moving_joints),
        (mujoco.mjtObj.mjOBJ_ACTUATOR, robot.joint_names),
        (mujoco.mjtObj.mjOBJ_SITE, (robot.hand_site,)),
        (mujoco.mjtObj.mjOBJ_BODY, robot.finger_bodies),
    ):
        missing = [name for name in names if mujoco.mj_name2id(model, kind, name) < 0]
        if missing:
            raise UserError(
                f"{robot.mjcf_path} has no {kind.name.removeprefix('mjOBJ_').lower()} {missing}; "
                "the robot's file and its MJCF do not fit each other"
            )


def _limits(robot: RobotConfig, model: mujoco.MjModel) -> Finding:
    """The file may allow less than the description, not more."""
    lower = np.r_[robot.lower, robot.finger.lower]
    upper = np.r_[robot.upper, robot.finger.upper]
    ranges = np.array([model.joint(name).range for name in robot.moving_joints])
    if robot.suction:
        ranges = np.vstack([ranges, model.actuator(robot.finger_joint).ctrlrange])
    beyond = np.maximum(ranges[:, 0] - lower, upper - ranges[:, 1])
    worst = int(np.argmax(beyond))
    passed = bool(beyond[worst] < 1e-3)
    found = (
        "inside those of the MJCF"
        if passed
        else f"{robot.joint_names[worst]} goes {beyond[worst]:.3f} beyond the MJCF's range"
    )
    return Finding("limits of joints", found, passed)


def _home(robot: RobotConfig) -> Finding:
    looking = Clearance(robot, robot.mjcf_path, least=_LOOK)
    overlap = {pair: d for pair, d in looking.near_at_home.items() if d < 0}
    one, other, distance = looking.nearest(np.r_[robot.home, robot.finger_range[1]])
    if overlap:
        pair = min(overlap, key=lambda p: overlap[p])
        return Finding(
            "home free of collision",
            f"{pair[0]} and {pair[1]} overlap by {-overlap[pair] * 1e3:.1f} mm",
            False,
        )
    return Finding(
        "home free of collision",
        f"{distance * 1e3:.0f} mm from {one} to {other}",
        distance > 0,
    )


def _workspace(robot: RobotConfig, kinematics: Kinematics) -> list[Finding]:
    """How much of a grid is reached on the way from home, and how long a solution takes."""
    home = np.array(robot.home)
    start = kinematics.hand_position(home)
    axes = [
        np.linspace(low, high, n)
        for low, high, n in zip(robot.workspace_lower, robot.workspace_upper, _GRID, strict=True)
    ]
    reached, total, tilted, times = 0, 0, 0.0, []
    for goal in np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3):
        joints, total = home, total + 1
        steps = max(1, int(np.ceil(np.linalg.norm(goal - start) / robot.goal_reach)))
        try:
            for place in np.linspace(start, goal, steps + 1)[1:]:
                began = time.perf_counter()
                joints = kinematics.solve(joints, place)
                times.append((time.perf_counter() - began) * 1e3)
        except Unreachable:
            continue
        turned = kinematics.hand_orientation(joints).multiply(kinematics.home_orientation.inverse())
        tilt = float(np.linalg.norm(rotation_vector(turned)))
        reached += tilt < _TILT
        tilted = max(tilted, tilt if tilt < _TILT else 0.0)
    share, median = reached / total, float(np.median(times)) if times else float("inf")
    return [
        Finding(
            "workspace reached",
            f"{reached} of {total} places ({share:.0%}), the hand as at home",
            share >= _REACHED,
        ),
        Finding("time of a solution", f"{median:.2f} ms, median", median < _SLOWEST),
    ]
