"""Domain randomisation: what differs from episode to episode besides where things are."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class Randomization:
    """Half-ranges of uniform draws around the nominal scene; all zero is the nominal scene.

    Attributes:
        camera_position: m along each axis, fixed cameras and hand cameras alike.
        camera_angle: degrees about a random axis.
        light: relative brightness, 0.5 draws from [1/1.5, 1.5].
        colour: added to each colour channel of arm, table and props.
        friction: relative, 1.0 draws from [1/2, 2].
        size: relative edge of the props, 0.1 draws from [0.9, 1.1].
        latency: seconds, drawn from [0, latency] in whole waypoints.
    """

    camera_position: float = 0.0
    camera_angle: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    friction: float = 0.0
    size: float = 0.0
    latency: float = 0.0


class Randomizer:
    """Changes a compiled model in place, always starting from its nominal values."""

    def __init__(
        self, config: Randomization, model: mujoco.MjModel, waypoint: float = 0.02
    ) -> None:
        self.config = config
        self.latency_waypoints = 0
        self._model = model
        self._waypoint = waypoint
        self._nominal = {
            name: getattr(model, name).copy()
            for name in (
                "cam_pos", "cam_quat", "light_diffuse", "geom_rgba", "geom_friction", "geom_size"
            )
        }  # fmt: skip
        self._headlight = np.array(model.vis.headlight.diffuse)
        free = [i for i in range(model.njnt) if model.jnt_type[i] == mujoco.mjtJoint.mjJNT_FREE]
        props = [model.jnt_bodyid[i] for i in free]
        self._props = np.flatnonzero(np.isin(model.geom_bodyid, props))

    def apply(self, rng: np.random.Generator) -> None:
        """Draw a scene; the order of the draws is fixed, so a seed means the same everywhere."""
        c, m, nominal = self.config, self._model, self._nominal
        m.cam_pos[:] = nominal["cam_pos"] + rng.uniform(-1, 1, m.cam_pos.shape) * c.camera_position
        axes = rng.normal(size=(m.ncam, 3))
        angles = np.deg2rad(c.camera_angle) * rng.uniform(0, 1, m.ncam)
        for i, (axis, angle) in enumerate(zip(axes, angles, strict=True)):
            turn = np.r_[np.cos(angle / 2), np.sin(angle / 2) * axis / np.linalg.norm(axis)]
            mujoco.mju_mulQuat(m.cam_quat[i], turn, nominal["cam_quat"][i])
        brightness = (1 + c.light) ** rng.uniform(-1, 1)
        m.light_diffuse[:] = nominal["light_diffuse"] * brightness
        m.vis.headlight.diffuse = self._headlight * brightness
        shift = rng.uniform(-1, 1, (m.ngeom, 3)) * c.colour
        m.geom_rgba[:, :3] = np.clip(nominal["geom_rgba"][:, :3] + shift, 0, 1)
        m.geom_friction[:] = nominal["geom_friction"]
        m.geom_friction[self._props, 0] *= (1 + c.friction) ** rng.uniform(-1, 1)
        m.geom_size[:] = nominal["geom_size"]
        m.geom_size[self._props] *= 1 + c.size * rng.uniform(-1, 1)
        self.latency_waypoints = round(rng.uniform(0, c.latency) / self._waypoint)
