"""A thing that is another one each episode: one free body that takes one of several shapes.

A compiled scene has a fixed number of bodies. So all shapes' primitives belong to the same body,
and those of all shapes but one are out of sight and touch nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from wm_planner.envs.colours import RGB
from wm_planner.envs.shapes import Part, Shape

_GREY = 0.5  # of a part whose colour the episode says, so that a shift of it is not cut off
_INERTIA = 3e-5  # kg m2, about any axis; near a 5 cm cube's


@dataclass(frozen=True)
class Changeling:
    """A free thing that `become` gives one of its shapes; its mass is where it is grasped.

    Attributes:
        name: of its body.
        shapes: what it can be.
        mass: kg.
        friction: sliding friction coefficient.
    """

    name: str
    shapes: tuple[Shape, ...]
    mass: float = 0.08
    friction: float = 1.5

    def add_to(self, spec: mujoco.MjSpec) -> None:
        # MuJoCo's tree of a body's primitives would miss those that are made larger later
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
        body = spec.worldbody.add_body(
            name=self.name,
            pos=[0.5, 0.0, 0.1],
            mass=self.mass,
            ipos=[0.0, 0.0, 0.0],
            inertia=[_INERTIA] * 3,
            explicitinertial=True,
        )
        body.add_freejoint(name=self.name)
        for _, name, part in self._parts():
            body.add_geom(
                name=name,
                friction=[self.friction, 0.02, 0.0005],
                condim=6,  # balls come to rest
                solref=[0.01, 1],
                mass=0,
                rgba=[*(part.rgb or [_GREY] * 3), 1.0],
                **part.geom,
            )

    def become(self, model: mujoco.MjModel, shape: Shape, rgb: RGB) -> None:
        """Take that shape and colour; what the randomiser did to colours and sizes stays."""
        for owner, name, part in self._parts():
            geom = model.geom(name)
            shown = owner == shape
            geom.contype = geom.conaffinity = int(shown)
            if part.rgb is None:
                shift = geom.rgba[:3] - _GREY
                geom.rgba[:3] = np.clip(rgb + shift, 0.0, 1.0)
            geom.rgba[3] = float(shown)

    def height(self, model: mujoco.MjModel, shape: Shape) -> float:
        """Of its origin above the table it rests on, m, at the size it has now."""
        part = shape.parts[0]
        (name,) = (n for owner, n, p in self._parts() if owner == shape and p is part)
        return float(shape.height * model.geom(name).size[0] / part.size[0])

    def _parts(self) -> Iterator[tuple[Shape, str, Part]]:
        """Each primitive: its shape, its name in the scene, and itself."""
        for shape in self.shapes:
            for i, part in enumerate(shape.parts):
                yield shape, f"{self.name}_{shape.name}_{i}", part
