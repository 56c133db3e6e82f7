"""A scene is an arena, an arm and props, compiled into one MuJoCo model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np

from wm_planner.control.arm_model import mount_hand
from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.props import Prop
from wm_planner.errors import UserError
from wm_planner.paths import mjcf_dir

ARENA = "tabletop.xml"
WRIST = "wrist"


def build_scene(robot: RobotConfig, props: Sequence[Prop]) -> mujoco.MjModel:
    """Compile the arena with the arm at its origin and the props on the table."""
    arm = robot.mjcf_path
    parts = {ARENA: (mjcf_dir() / ARENA).read_bytes(), arm.name: arm.read_bytes()}
    includes = "".join(f'<include file="{name}"/>' for name in parts)
    meshes = {f"{arm.stem}/{file.name}": file.read_bytes() for file in _meshes(robot)}
    spec = mujoco.MjSpec.from_string(f"<mujoco>{includes}</mujoco>", parts, meshes or None)
    mount_hand(spec, robot)
    if robot.wrist_camera:
        _mount_camera(spec, robot)
    for prop in props:
        prop.add_to(spec)
    return spec.compile()


def _meshes(robot: RobotConfig) -> list[Path]:
    """The files of an arm's shapes: in a folder of its name, beside its MJCF."""
    folder = robot.mjcf_path.with_suffix("")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _mount_camera(spec: mujoco.MjSpec, robot: RobotConfig) -> None:
    """The camera `wrist` on the hand, as the robot's file says; it looks along the hand's z."""
    site = spec.site(robot.hand_site)
    if site is None:
        raise UserError(f"{robot.mjcf_path} has no site '{robot.hand_site}' to mount a camera at")
    x, y, z, tilt, fovy = robot.wrist_camera
    turn, quat, place = np.zeros(4), np.zeros(4), np.zeros(3)
    # Columns: right, up and back of the picture, in the frame of the site.
    c, s = np.cos(tilt), np.sin(tilt)
    axes = np.array([[0.0, c, s], [1.0, 0.0, 0.0], [0.0, s, -c]])
    mujoco.mju_mat2Quat(turn, axes.ravel())
    frame = np.array(site.quat, float)
    mujoco.mju_normalize4(frame)
    mujoco.mju_mulQuat(quat, frame, turn)
    mujoco.mju_rotVecQuat(place, np.array([x, y, z]), frame)
    site.parent.add_camera(name=WRIST, pos=place + site.pos, quat=quat, fovy=fovy)
