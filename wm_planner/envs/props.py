"""Things on the table. A prop adds itself to the scene's MJCF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import mujoco

_MARK_HEIGHT = 0.001  # m


class Prop(Protocol):
    """A body of the scene, under its name."""

    @property
    def name(self) -> str:
        """Of its body."""

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add it to a scene."""


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
        _add_box(spec, self, (self.edge, self.edge, self.edge))


@dataclass(frozen=True)
class Block:
    """A free square block, too wide for the hand.

    Attributes:
        name: of its body.
        edge: m.
        height: m.
        mass: kg.
        friction: sliding friction coefficient.
        rgba: colour.
        place: where it is until it is put elsewhere, m.
    """

    name: str
    edge: float = 0.10
    height: float = 0.05
    mass: float = 0.2
    friction: float = 0.8
    rgba: tuple[float, float, float, float] = (0.80, 0.16, 0.13, 1.0)
    place: tuple[float, float] = (0.5, 0.0)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        _add_box(spec, self, (self.edge, self.edge, self.height))


@dataclass(frozen=True)
class Bar:
    """A free bar, longer than any hand opens.

    Attributes:
        name: of its body.
        length: m, along its x.
        width: m.
        height: m.
        mass: kg.
        friction: sliding friction coefficient.
        rgba: colour.
        place: where it is until it is put elsewhere, m.
    """

    name: str
    length: float = 0.16
    width: float = 0.03
    height: float = 0.04
    mass: float = 0.1
    friction: float = 1.5
    rgba: tuple[float, float, float, float] = (0.80, 0.16, 0.13, 1.0)
    place: tuple[float, float] = (0.5, 0.0)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        _add_box(spec, self, (self.length, self.width, self.height))


@dataclass(frozen=True)
class Mark:
    """A round mark on the table, that nothing bumps into; `Simulation.mark` puts it somewhere.

    Attributes:
        name: of its body.
        radius: m.
        rgba: colour.
    """

    name: str
    radius: float = 0.04
    rgba: tuple[float, float, float, float] = (0.93, 0.80, 0.15, 1.0)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        body = spec.worldbody.add_body(name=self.name, pos=[0.5, 0.0, 0.0], mocap=True)
        body.add_geom(
            name=self.name,
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[self.radius, _MARK_HEIGHT / 2, 0],
            pos=[0, 0, _MARK_HEIGHT / 2],
            contype=0,
            conaffinity=0,
            rgba=list(self.rgba),
        )


def _add_box(
    spec: mujoco.MjSpec, prop: Cube | Block | Bar, edges: tuple[float, float, float]
) -> None:
    body = spec.worldbody.add_body(name=prop.name, pos=[*prop.place, edges[2] / 2])
    body.add_freejoint(name=prop.name)
    body.add_geom(
        name=prop.name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[edge / 2 for edge in edges],
        mass=prop.mass,
        friction=[prop.friction, 0.02, 0.001],
        condim=4,
        solref=[0.01, 1],
        rgba=list(prop.rgba),
    )
