"""Things on the table. A prop adds itself to the scene's MJCF."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco


@dataclass(frozen=True)
class Cube:
    """A free cube.

    Attributes:
        name: of its body.
        edge: m.
        mass: kg.
        friction: sliding friction coefficient.
        rgba: colour.
        place: where it is until it is put elsewhere, m; beyond the table it falls out of sight.
    """

    name: str
    edge: float = 0.04
    mass: float = 0.08
    friction: float = 1.5
    rgba: tuple[float, float, float, float] = (0.80, 0.16, 0.13, 1.0)
    place: tuple[float, float] = (0.5, 0.0)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        body = spec.worldbody.add_body(name=self.name, pos=[*self.place, self.edge / 2])
        body.add_freejoint(name=self.name)
        body.add_geom(
            name=self.name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[self.edge / 2] * 3,
            mass=self.mass,
            friction=[self.friction, 0.02, 0.001],
            condim=4,
            solref=[0.01, 1],
            rgba=list(self.rgba),
        )
