"""Joints that follow the finger's, as a model's equality constraints say."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np


class Coupling(NamedTuple):
    """One joint that follows another by a polynomial."""

    address: int  # of the follower's position in qpos
    rest: float  # where the model has it
    leader_rest: float
    polynomial: tuple[float, ...]  # of the leader's way from its rest

    def position(self, leader: float) -> float:
        """Where the follower is when its leader is there."""
        way = leader - self.leader_rest
        return self.rest + float(np.polynomial.polynomial.polyval(way, self.polynomial))


def couplings(model: mujoco.MjModel, leader: str) -> list[Coupling]:
    """Of the joints that follow `leader`, or that it follows in proportion."""
    joint = model.joint(leader).id
    found = []
    for i in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT):
        one, other = int(model.eq_obj1id[i]), int(model.eq_obj2id[i])
        constants = model.eq_data[i, :5]
        if other == joint:
            found.append(_coupling(model, one, joint, tuple(constants.tolist())))
        elif one == joint and other >= 0 and constants[1] != 0:
            inverse = (-constants[0] / constants[1], 1 / constants[1])
            found.append(_coupling(model, other, joint, inverse))
    return found


def _coupling(
    model: mujoco.MjModel, follower: int, leader: int, polynomial: tuple[float, ...]
) -> Coupling:
    address, other = model.jnt_qposadr[follower], model.jnt_qposadr[leader]
    return Coupling(
        int(address), float(model.qpos0[address]), float(model.qpos0[other]), polynomial
    )
