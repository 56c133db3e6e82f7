"""MuJoCo standing in for the robot: joint targets in, joint states and camera frames out."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from wm_planner.control.coupling import couplings
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.types import JointState

_GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)
_IDENTIFY = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]


class Simulation:
    """A position-controlled arm in a scene. Knows no task and no actions."""

    def __init__(
        self, model: mujoco.MjModel, robot: RobotConfig, cameras: Sequence[str], size: int
    ) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self.cameras = tuple(cameras)
        self.robot = robot
        known = [model.camera(i).name for i in range(model.ncam)]
        for camera in self.cameras:
            if camera not in known:
                raise UserError(f"unknown camera '{camera}'; the scene has {known}")
        self._size = size
        self._renderer: mujoco.Renderer | None = None
        joints = [model.joint(name) for name in robot.moving_joints]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._actuators = np.array([model.actuator(name).id for name in robot.joint_names])
        cup = _cup(model, robot) if robot.suction else ""
        self._vacuum = self._actuators[-1:] if cup else self._actuators[:0]
        self._followers = [] if cup else couplings(model, robot.finger_joint)
        self._fingers = _finger_of_body(model, (cup,) if cup else robot.finger_bodies)

    @property
    def time(self) -> float:
        """Simulated seconds since the reset."""
        return float(self.data.time)

    def reset(self, joint_positions: np.ndarray) -> None:
        """Put the arm at rest at `joint_positions` (J,); props go to their places in the MJCF."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self._qpos] = joint_positions[: len(self._qpos)]
        for follower in self._followers:
            self.data.qpos[follower.address] = follower.position(joint_positions[-1])
        self.data.ctrl[self._actuators] = joint_positions

    def place(self, prop: str, position: np.ndarray, yaw: float) -> None:
        """Put a prop at `position` (3,) m, turned by `yaw` rad, at rest."""
        address = self.model.joint(prop).qposadr[0]
        velocity = self.model.joint(prop).dofadr[0]
        self.data.qpos[address : address + 3] = position
        self.data.qpos[address + 3 : address + 7] = [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
        self.data.qvel[velocity : velocity + 6] = 0

    def mark(self, mark: str, place: np.ndarray) -> None:
        """Put a mark at `place` (2,) m on the table."""
        self.data.mocap_pos[self.model.body(mark).mocapid[0], :2] = place

    def half_edge(self, prop: str) -> float:
        """Of a cube, m."""
        return float(self.model.geom(prop).size[0])

    def settle(self) -> None:
        """Bring derived quantities up to date with positions set by hand."""
        mujoco.mj_forward(self.model, self.data)

    def command(self, joint_positions: np.ndarray) -> None:
        """Set the position targets (J,), rad and m."""
        self.data.ctrl[self._actuators] = joint_positions

    def touching(self) -> dict[str, frozenset[int]]:
        """Bodies that fingers touch, and which: 0 and 1 as in the robot's file; a cup is 0."""
        found: dict[str, frozenset[int]] = {}
        for one, other in self.model.geom_bodyid[self.data.contact.geom].reshape(-1, 2):
            for finger, body in ((self._fingers[one], other), (self._fingers[other], one)):
                if finger >= 0:
                    name = self.model.body(body).name
                    found[name] = found.get(name, frozenset()) | {int(finger)}
        return found

    def push_hand(self, force: np.ndarray) -> None:
        """Push the hand with `force` (3,) N, base frame, until told otherwise."""
        body = self.model.site(self.robot.hand_site).bodyid[0]
        self.data.xfrc_applied[body, :3] = force

    def advance(self, seconds: float) -> None:
        """Run the physics."""
        steps = round(seconds / self.model.opt.timestep)
        mujoco.mj_step(self.model, self.data, nstep=steps)

    def joint_state(self) -> JointState:
        """Measured joints, as an encoder would give them; a vacuum is what it was sent to."""
        vacuum = self.data.ctrl[self._vacuum]
        return JointState(
            np.r_[self.data.qpos[self._qpos], vacuum],
            np.r_[self.data.qvel[self._qvel], 0 * vacuum],
            self.time,
        )

    def render(self, camera: str, size: tuple[int, int] | None = None) -> np.ndarray:
        """Frame (h, w, 3) uint8 RGB; `size` (h, w) overrides the camera's square size."""
        renderer = self._prepared(*(size or (self._size, self._size)))
        renderer.update_scene(self.data, camera)
        return renderer.render()

    def bodies(self, camera: str) -> np.ndarray:
        """Which body each pixel of a camera's frame shows, (h, w) int; -1: none."""
        renderer = self._prepared(self._size, self._size)
        renderer.update_scene(self.data, camera)
        flags, geoms = renderer.scene.flags, renderer.scene.geoms[: renderer.scene.ngeom]
        flags[_IDENTIFY] = True
        red, green, blue = np.moveaxis(renderer.render().astype(int), -1, 0)
        flags[_IDENTIFY] = False
        bodies = np.full(len(geoms) + 1, -1)  # by the colour's number; 0: nothing
        for geom in geoms:
            if geom.objtype == _GEOM:
                bodies[geom.segid + 1] = self.model.geom_bodyid[geom.objid]
        return bodies[red | green << 8 | blue << 16]

    def frames(self) -> dict[str, np.ndarray]:
        """One frame (h, w, 3) uint8 RGB of each camera."""
        return {camera: self.render(camera) for camera in self.cameras}

    def _prepared(self, height: int, width: int) -> mujoco.Renderer:
        if self._renderer is None or (self._renderer.height, self._renderer.width) != (
            height,
            width,
        ):
            self.close()
            self._renderer = mujoco.Renderer(self.model, height, width)
            self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
            self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        return self._renderer

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def _cup(model: mujoco.MjModel, robot: RobotConfig) -> str:
    """The body that a robot's adhesion actuator presses to what it touches."""
    actuator = model.actuator(robot.finger_joint).id
    if model.actuator_trntype[actuator] != mujoco.mjtTrn.mjTRN_BODY:
        raise UserError(
            f"finger_unit is vacuum, but '{robot.finger_joint}' is no adhesion actuator of the "
            "MJCF's; see docs/robots.md"
        )
    return str(model.body(int(model.actuator_trnid[actuator, 0])).name)


def _finger_of_body(model: mujoco.MjModel, fingers: Sequence[str]) -> np.ndarray:
    """Which finger each body is part of (bodies,): 0, 1, or -1 for none."""
    known = {model.body(i).name for i in range(model.nbody)}
    if missing := sorted(set(fingers) - known):
        raise UserError(f"finger_bodies {missing} are not in the MJCF; there is {sorted(known)}")
    ids = [model.body(name).id for name in fingers]
    found = np.full(model.nbody, -1)
    for body in range(1, model.nbody):  # parents come first
        found[body] = ids.index(body) if body in ids else found[model.body_parentid[body]]
    return found
