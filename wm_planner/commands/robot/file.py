"""Writes a robot's file, with what is not known of it as comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wm_planner.commands.robot.chain import Chain
from wm_planner.commands.robot.description import Description
from wm_planner.commands.robot.gripper import Gripper
from wm_planner.commands.robot.suction import FORCE
from wm_planner.commands.robot.workspace import Box
from wm_planner.control.finger import VACUUM

SITE = "wm_planner_tcp"
VELOCITY = 1.0  # rad/s where nothing is told
TO_FULL_SPEED = 0.25  # s an arm may take to its largest velocity
TO_FULL_ACCELERATION = 0.05  # s to its largest acceleration
FINGER_SECONDS = 0.8  # from closed to open
_STEP = 0.04  # m
_SHORT = 0.8  # m of reach below which steps are shorter


@dataclass(frozen=True)
class Findings:
    """All that was found out about an arm."""

    name: str
    description: Description
    chain: Chain
    finger: str
    gripper: Gripper
    home: np.ndarray
    box: Box
    reach: float
    lower: np.ndarray
    upper: np.ndarray
    rotation: str
    told: tuple[str, ...]

    @property
    def velocity(self) -> list[float]:
        known = self.description.velocity
        return [known.get(name, VELOCITY) for name in self.chain.joints]

    @property
    def acceleration(self) -> list[float]:
        known, names = self.description.acceleration, self.chain.joints
        pairs = zip(names, self.velocity, strict=True)
        return [known.get(name, speed / TO_FULL_SPEED) for name, speed in pairs]


def write_file(found: Findings, path: Path) -> list[str]:
    """Write the YAML file; returns its gaps, which it holds as comments too."""
    gaps = [*found.description.gaps, *_gaps(found)]
    lines = [
        f"# {found.name}, written by `wm_planner robot add` from {found.description.path.name}"
    ]
    lines += [f"# {line}" for line in found.told]
    lines += [f"# gap: {gap}" for gap in gaps]
    lines += ["", *_arm(found), *_gripper(found), *_box(found), *_ways(found)]
    path.write_text("\n".join(lines) + "\n")
    return gaps


def _gaps(found: Findings) -> list[str]:
    unknown = [n for n in found.chain.joints if n not in found.description.velocity]
    gaps = []
    if unknown:
        gaps.append(
            f"velocity limits of {', '.join(unknown)} are not told: {VELOCITY} rad/s is chosen"
        )
    if set(found.chain.joints) - set(found.description.acceleration):
        gaps.append(
            f"acceleration limits are not told: they are chosen, full speed takes {TO_FULL_SPEED} s"
        )
    gaps += [
        "jerk limits are in no description: they are chosen, full acceleration takes "
        f"{TO_FULL_ACCELERATION} s; look them up in the arm's manual, the accelerations too",
        f"the suction is chosen: {FORCE:g} N, there within 0.1 s; and the cup holds wherever it "
        "touches, sealed or not"
        if found.gripper.unit == VACUUM
        else f"the finger's velocity is chosen: {FINGER_SECONDS} s from closed to open",
        "the table is assumed to be the plane z = 0 of the arm's base",
        "the workspace is what the hand reaches pointing down; what stands in it is not known",
    ]
    return gaps


def _arm(found: Findings) -> list[str]:
    velocity = np.array(found.velocity)
    acceleration = np.array(found.acceleration)
    closing = "" if found.gripper.unit == VACUUM else ", y the way the fingers close"
    return [
        f"mjcf: {found.name}.xml",
        f"arm_joints: {_names(found.chain.joints)}",
        f"finger_joint: {found.finger}",
        f"finger_unit: {found.gripper.unit}",
        f"hand_site: {SITE}   # z out of the hand{closing}",
        f"home: {_numbers(found.home)}   # rad",
        f"lower: {_numbers(found.lower)}   # rad, of the description",
        f"upper: {_numbers(found.upper)}   # rad, of the description",
        f"velocity: {_numbers(velocity)}   # rad/s",
        f"acceleration: {_numbers(acceleration)}   # rad/s^2",
        f"jerk: {_numbers(acceleration / TO_FULL_ACCELERATION)}   # rad/s^3, chosen",
        "position_margin: 0.05   # rad kept free at both ends of every arm joint",
        "velocity_scale: 0.8",
        "acceleration_scale: 0.8",
        "jerk_scale: 0.8",
    ]


def _gripper(found: Findings) -> list[str]:
    g = found.gripper
    if g.unit == VACUUM:
        return [
            "finger_range: [1.0, 0.0]   # share of the full vacuum: it holds, and it lets go",
            "finger_velocity: 20.0   # shares/s, chosen",
            "finger_acceleration: 1000.0   # shares/s^2, chosen",
            "finger_jerk: 200000.0   # shares/s^3, chosen",
        ]
    speed = abs(g.opened - g.closed) / FINGER_SECONDS * 1.5
    return [
        f"finger_range: [{g.closed:g}, {g.opened:g}]   # {g.unit}, closed and open",
        f"finger_opening: {g.opening:g}   # m, measured",
        f"finger_velocity: {speed:.4g}   # {g.unit}/s, chosen",
        f"finger_acceleration: {speed / 0.1:.4g}   # {g.unit}/s^2, chosen",
        f"finger_jerk: {speed / 0.1 / 0.02:.4g}   # {g.unit}/s^3, chosen",
        f"finger_bodies: {_names(g.bodies)}",
    ]


def _box(found: Findings) -> list[str]:
    return [
        f"workspace_lower: {_numbers(found.box.lower)}   # m, hand, in the arm's base frame",
        f"workspace_upper: {_numbers(found.box.upper)}   # m",
    ]


def _ways(found: Findings) -> list[str]:
    step = round(_STEP * min(1.0, found.reach / _SHORT), 3)
    camera = [round(0.1 * min(1.0, found.reach / _SHORT), 3), 0.0, -0.1, 0.43, 75.0]
    return [
        f"action_step: {step}   # m the goal moves per action of size 1",
        f"goal_reach: {round(1.5 * step, 3)}   # m the goal may run ahead of the hand",
        "control_rate_hz: 10.0",
        "command_rate_hz: 50.0",
        f"rotation: {found.rotation}",
        "clearance: 0.01   # m between the arm's parts, and to the table",
        "slow_near_singularity: 0.04",
        f"wrist_camera: {_numbers(camera)}   # m, m, m, rad, degrees, from hand_site; chosen",
    ]


def _names(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]"


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    """Plain decimals: YAML takes 1e-05 for a word."""
    return (
        f"[{', '.join(np.format_float_positional(round(float(v), 5), trim='0') for v in values)}]"
    )
