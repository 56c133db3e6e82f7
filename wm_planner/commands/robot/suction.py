"""A hand without a joint: which part of it is the suction cup, and where its lip is."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from wm_planner.commands.robot.chain import Chain
from wm_planner.commands.robot.description import Description
from wm_planner.commands.robot.gripper import Gripper, colliding, points_of
from wm_planner.control.finger import VACUUM
from wm_planner.errors import UserError

ACTUATOR = "wm_planner_suction"
FORCE = 20.0  # N of the full vacuum
_GAP = 0.002  # m from which it sucks
_LIP = 0.001  # m from its end


class Cup(NamedTuple):
    """A suction cup as it was named."""

    body: str  # it is, or hangs on
    site: str  # at its lip, or ""


def find_cup(found: Description, name: str) -> Cup:
    """The body or the site that is called so.

    Raises:
        UserError: there is none.
    """
    for site in found.spec.sites:
        if site.name == name:
            return Cup(site.parent.name, name)
    bodies = [body.name for body in found.spec.bodies if body.name]
    if name in bodies:
        return Cup(name, "")
    raise UserError(
        f"suction is '{name}', but there is no such body or site; expected the cup's: there is "
        f"{', '.join(bodies[1:26])}"
    )


def add_suction(found: Description, cup: Cup) -> None:
    """The actuator that presses the cup to what it touches; what it drove before is gone."""
    spec = found.spec
    shapes = [geom for geom in spec.body(cup.body).geoms if geom.contype or geom.conaffinity]
    if not shapes:
        raise UserError(
            f"{cup.body} has no shape that collides: nothing can touch it; give the link that is "
            "the cup, with its shape"
        )
    for shape in shapes:
        shape.gap, shape.condim = _GAP, 4
    actuator = spec.add_actuator(
        name=ACTUATOR, target=cup.body, trntype=mujoco.mjtTrn.mjTRN_BODY, ctrlrange=[0, 1]
    )
    actuator.ctrllimited = 1
    actuator.gaintype, actuator.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_NONE
    actuator.gainprm[0] = FORCE


def measure_cup(model: mujoco.MjModel, chain: Chain, cup: Cup) -> Gripper:
    """Where its lip is: the end of its shapes, or the site that was named; z out of the hand."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hand, body = model.body(chain.hand).id, model.body(cup.body).id
    points = points_of(model, data, colliding(model, body), hand)
    middle = points.mean(0)
    longest = int(np.argmax(np.abs(middle)))
    out = np.eye(3)[longest] * np.sign(middle[longest])
    reach = points @ out
    lip = points[reach > reach.max() - _LIP]
    position = (lip.min(0) + lip.max(0)) / 2
    position += (reach.max() - position @ out) * out
    if cup.site:
        position = (data.site(cup.site).xpos - data.xpos[hand]) @ data.xmat[hand].reshape(3, 3)
    across = np.eye(3)[(longest + 1) % 3]
    axes = np.column_stack([np.cross(across, out), across, out])
    return Gripper(1.0, 0.0, VACUUM, 0.0, 0.0, (), position, axes)
