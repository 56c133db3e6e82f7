"""An arm as its file describes it: its MJCF, with another hand where the file says so."""

from __future__ import annotations

from pathlib import Path

import mujoco

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError

PREFIX = "hand_"
"""Of the names of a hand that is mounted."""


def read_arm(config: RobotConfig, mjcf: Path) -> mujoco.MjSpec:
    """What MuJoCo makes of an arm's MJCF, with the hand that the robot's file mounts."""
    spec = mujoco.MjSpec.from_file(str(mjcf))
    mount_hand(spec, config)
    return spec


def mount_hand(spec: mujoco.MjSpec, config: RobotConfig) -> None:
    """Put the hand of the robot's file where the arm's own is; nothing where it has none."""
    if not config.hand_mjcf:
        return
    old = spec.body(config.hand_replaces)
    if old is None:
        raise UserError(
            f"hand_replaces is '{config.hand_replaces}', but {config.mjcf} has no such body; there "
            f"is {', '.join(body.name for body in spec.bodies)}"
        )
    file = config.file_of(config.hand_mjcf)
    if not file.is_file():
        raise UserError(f"hand_mjcf: no file {file}; put it there, or beside the robot's own file")
    flange = old.parent.add_frame(pos=old.pos, quat=old.quat)
    spec.delete(old)
    spec.attach(mujoco.MjSpec.from_file(str(file)), prefix=PREFIX, frame=flange)
