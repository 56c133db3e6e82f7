"""Shapes of things to grasp, made of primitives around the point where a hand takes hold.

All can be grasped by a hand that points down, closes along y and opens 8 cm: those that are too
long or wide for it lie along x, give or take their `turn`.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

_GEOMS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}
_STEEL = (0.55, 0.57, 0.60)


@dataclass(frozen=True)
class Part:
    """One primitive.

    Attributes:
        kind: key of MuJoCo's geom types above.
        size: as MuJoCo has it: half edges, or radius and half length, m.
        at: its centre from the shape's origin, m.
        lies: along x, instead of standing along z.
        rgb: colour; None for the thing's.
    """

    kind: str
    size: tuple[float, ...]
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lies: bool = False
    rgb: tuple[float, float, float] | None = None

    @property
    def geom(self) -> dict:
        """What MuJoCo calls these."""
        turned = [np.sqrt(0.5), 0, np.sqrt(0.5), 0] if self.lies else [1, 0, 0, 0]
        size = [*self.size, *[0.0] * (3 - len(self.size))]
        return {"type": _GEOMS[self.kind], "size": size, "pos": list(self.at), "quat": turned}


@dataclass(frozen=True)
class Shape:
    """What a thing looks like.

    Attributes:
        name: what it is called.
        parts: what it is made of.
        height: of its origin above the table it rests on, m.
        turn: its yaw at most, either way, rad; it may also point backwards.
    """

    name: str
    parts: tuple[Part, ...]
    height: float
    turn: float = np.pi / 2


SEEN_SHAPES = (
    Shape("cube", (Part("box", (0.02, 0.02, 0.02)),), 0.02),
    Shape("brick", (Part("box", (0.035, 0.015, 0.015)),), 0.015, 0.7),
    Shape("cylinder", (Part("cylinder", (0.02, 0.03)),), 0.03),
    Shape("ball", (Part("sphere", (0.024,)),), 0.024),
    Shape(
        "mug",
        (
            Part("cylinder", (0.024, 0.028)),
            Part("cylinder", (0.019, 0.0005), (0, 0, 0.0282), rgb=(0.16, 0.15, 0.15)),  # inside
            Part("box", (0.009, 0.004, 0.004), (0.031, 0, 0.016)),
            Part("box", (0.009, 0.004, 0.004), (0.031, 0, -0.012)),
            Part("box", (0.004, 0.004, 0.018), (0.042, 0, 0.002)),
        ),
        0.028,
        0.5,
    ),
    Shape(
        "screwdriver",
        (
            Part("capsule", (0.014, 0.028), lies=True),
            Part("cylinder", (0.005, 0.035), (0.076, 0, 0), lies=True, rgb=_STEEL),
        ),
        0.014,
        0.7,
    ),
)
"""Shapes that training shows."""

UNSEEN_SHAPES = (
    Shape(
        "bottle",
        (
            Part("cylinder", (0.021, 0.026)),
            Part("cylinder", (0.009, 0.009), (0, 0, 0.034)),
            Part("cylinder", (0.011, 0.004), (0, 0, 0.041), rgb=(0.9, 0.9, 0.88)),
        ),
        0.026,
    ),
    Shape("egg", (Part("ellipsoid", (0.03, 0.022, 0.022)),), 0.022, 0.7),
    Shape(
        "hammer",
        (
            Part("box", (0.05, 0.009, 0.009), (0.02, 0, 0)),
            Part("box", (0.015, 0.035, 0.015), (0.078, 0, 0.006), rgb=_STEEL),
        ),
        0.009,
        0.7,
    ),
    Shape(
        "dumbbell",
        (
            Part("cylinder", (0.010, 0.045), lies=True),
            Part("box", (0.012, 0.021, 0.021), (0.05, 0, 0)),
            Part("box", (0.012, 0.021, 0.021), (-0.05, 0, 0)),
        ),
        0.021,
        0.7,
    ),
)
"""Shapes that training never shows."""
