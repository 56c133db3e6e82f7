"""Domain randomisation: what differs from episode to episode besides where things are."""

from __future__ import annotations

from dataclasses import dataclass, fields

import mujoco
import numpy as np

from wm_planner.errors import UserError

Range = tuple[float, float]


@dataclass(frozen=True)
class Randomization:
    """Ranges [low, high] of uniform draws, one an episode; equal ends fix a value.

    The defaults are the nominal scene.

    Attributes:
        camera_position: m each camera is moved, in a random direction.
        camera_angle: degrees each camera is turned, about a random axis.
        light: factor on the brightness of all lights, drawn uniformly in its logarithm.
        colour: largest shift of each colour channel of each part of the scene, in [0, 1].
        friction: factor on the sliding friction of the props, uniform in its logarithm.
        size: factor on the edges of the props that can be moved; their mass stays.
        latency: seconds from a frame to the action that follows from it, in whole waypoints.
    """

    camera_position: Range = (0.0, 0.0)
    camera_angle: Range = (0.0, 0.0)
    light: Range = (1.0, 1.0)
    colour: Range = (0.0, 0.0)
    friction: Range = (1.0, 1.0)
    size: Range = (1.0, 1.0)
    latency: Range = (0.0, 0.0)

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = getattr(self, field.name)
            factor = field.default == (1.0, 1.0)
            if not 0 <= low <= high or (factor and low == 0):
                raise UserError(
                    f"randomization: {field.name} is [{low}, {high}], expected low <= high, "
                    + ("above 0" if factor else "0 or more")
                )


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
                "cam_pos", "cam_quat", "light_diffuse", "geom_rgba", "geom_friction", "geom_size",
                "geom_pos"
            )
        }  # fmt: skip
        headlight = model.vis.headlight
        self._headlight = np.array(headlight.ambient), np.array(headlight.diffuse)
        free = [i for i in range(model.njnt) if model.jnt_type[i] == mujoco.mjtJoint.mjJNT_FREE]
        props = [model.jnt_bodyid[i] for i in free]
        self._props = np.flatnonzero(np.isin(model.geom_bodyid, props))

    def apply(self, rng: np.random.Generator) -> None:
        """Draw a scene; the order of the draws is fixed, so a seed means the same everywhere."""
        c, m, nominal = self.config, self._model, self._nominal
        for i in range(m.ncam):
            m.cam_pos[i] = nominal["cam_pos"][i] + rng.uniform(*c.camera_position) * _axis(rng)
            half = np.deg2rad(rng.uniform(*c.camera_angle)) / 2
            turn = np.r_[np.cos(half), np.sin(half) * _axis(rng)]
            mujoco.mju_mulQuat(m.cam_quat[i], turn, nominal["cam_quat"][i])
        brightness = _factor(rng, c.light)
        m.light_diffuse[:] = nominal["light_diffuse"] * brightness
        m.vis.headlight.ambient, m.vis.headlight.diffuse = (
            part * brightness for part in self._headlight
        )
        shift = rng.uniform(*c.colour) * rng.uniform(-1, 1, (m.ngeom, 3))
        m.geom_rgba[:, :3] = np.clip(nominal["geom_rgba"][:, :3] + shift, 0, 1)
        m.geom_friction[:] = nominal["geom_friction"]
        m.geom_friction[self._props, 0] *= _factor(rng, c.friction)
        m.geom_size[:] = nominal["geom_size"]
        m.geom_pos[:] = nominal["geom_pos"]
        size = rng.uniform(*c.size)
        m.geom_size[self._props] *= size
        m.geom_pos[self._props] *= size
        self.latency_waypoints = round(rng.uniform(*c.latency) / self._waypoint)


def _axis(rng: np.random.Generator) -> np.ndarray:
    """A random unit vector (3,)."""
    axis = rng.normal(size=3)
    return axis / np.linalg.norm(axis)


def _factor(rng: np.random.Generator, bounds: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))
