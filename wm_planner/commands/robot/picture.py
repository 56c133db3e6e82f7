"""A picture of an arm at home, with its workspace, from the front and from the side."""

from __future__ import annotations

import mujoco
import numpy as np

from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.scene import build_scene
from wm_planner.envs.simulation import Simulation

_SIZE = (480, 640)  # height and width, pixels
_BOX = (0.2, 0.6, 1.0, 0.18)
_VIEWS = ((155.0, -18.0), (90.0, -8.0))  # azimuth and elevation, degrees


def draw_robot(robot: RobotConfig) -> np.ndarray:
    """Picture (h, w, 3) uint8 RGB: two views side by side, and what the wrist camera sees."""
    model = build_scene(robot, [])
    simulation = Simulation(model, robot, (), 64)
    simulation.reset(np.r_[robot.home, robot.finger_range[1]])
    simulation.settle()
    reach = float(np.linalg.norm(robot.workspace_upper[:2]))
    pictures = []
    with mujoco.Renderer(model, *_SIZE) as renderer:
        for azimuth, elevation in _VIEWS:
            camera = mujoco.MjvCamera()
            camera.azimuth, camera.elevation = azimuth, elevation
            camera.distance, camera.lookat[:] = 2.4 * reach, [0.45 * reach, 0.0, 0.35 * reach]
            renderer.update_scene(simulation.data, camera)
            _show_workspace(renderer.scene, robot)
            pictures.append(renderer.render().copy())
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "wrist") >= 0:
            renderer.update_scene(simulation.data, "wrist")
            pictures.append(renderer.render().copy())
    return np.concatenate(pictures, axis=1)


def _show_workspace(scene: mujoco.MjvScene, robot: RobotConfig) -> None:
    lower, upper = np.array(robot.workspace_lower), np.array(robot.workspace_upper)
    geom = scene.geoms[scene.ngeom]
    mujoco.mjv_initGeom(
        geom,
        mujoco.mjtGeom.mjGEOM_BOX,
        (upper - lower) / 2,
        (upper + lower) / 2,
        np.eye(3).ravel(),
        np.array(_BOX, np.float32),
    )
    scene.ngeom += 1
