"""What a gripper does: found by moving it, not by guessing from its names."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from wm_planner.commands.robot.chain import Chain
from wm_planner.errors import UserError

_MOVED = 2e-3  # m
_SECONDS = 3.0
_ARRIVED = 0.1  # of its range that a driven finger may be off
_TIP = 0.02  # m, the end of a finger
_POINTS = 1000  # of a mesh that are looked at
_INSIDE = 0.010  # m from the end of the fingers to the point that is sent somewhere


class Gripper(NamedTuple):
    """A gripper as it moves, or a suction cup, which has no opening and no fingers.

    Attributes:
        closed: position of its joint.
        opened: position of its joint.
        unit: of its joint, m or rad; or vacuum.
        opening: m between the fingertips when open.
        left: m between them when closed.
        bodies: that hold a thing between them.
        position: of the point between the fingertips, in the frame of the hand's body, m.
        axes: (3, 3) columns x, y, z in that frame: z out of the hand, y the way the fingers close.
    """

    closed: float
    opened: float
    unit: str
    opening: float
    left: float
    bodies: tuple[str, ...]
    position: np.ndarray
    axes: np.ndarray


def find_finger(model: mujoco.MjModel, chain: Chain, wanted: str) -> tuple[str, str]:
    """The joint that stands for how far the gripper is open, and how it was found.

    Raises:
        UserError: there is none, or several that do not follow one of them.
    """
    names = chain.others
    if wanted:
        if wanted not in names:
            raise UserError(f"no joint '{wanted}' beyond {chain.hand}: there is {names or 'none'}")
        return wanted, f"the gripper's joint is {wanted}, as asked"
    if not names:
        raise UserError(
            f"no joint moves anything beyond {chain.hand}, and an arm needs a gripper here: give "
            "the description of the arm with its gripper; if that is a suction cup, name its body "
            "or a site at its lip with --suction"
        )
    if len(names) == 1:
        return names[0], f"the gripper's joint is {names[0]}: the only one"
    driven = [name for name in _driven(model) if name in names]
    if driven:
        return driven[0], f"the gripper's joint is {driven[0]}: the first that an actuator drives"
    joint_equalities = np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT)
    followers = {model.joint(int(model.eq_obj1id[i])).name for i in joint_equalities}
    leaders = {model.joint(int(model.eq_obj2id[i])).name for i in joint_equalities} - followers
    if len(here := [name for name in names if name in leaders]) == 1:
        return here[0], f"the gripper's joint is {here[0]}: others follow it"
    raise UserError(
        f"which joint stands for the gripper's opening? Give --gripper-joint, one of {list(names)}"
    )


def measure_gripper(model: mujoco.MjModel, chain: Chain, finger: str) -> Gripper:
    """Move the finger from end to end, the arm held fast, and look what its tips do."""
    low, high = model.joint(finger).range
    ends = [_at(model, chain, finger, float(end)) for end in (low, high)]
    hand = model.body(chain.hand).id
    below = [b for b in range(1, model.nbody) if _is_below(model, b, hand)]
    centres = [_in_hand(data, hand, data.xipos) for data in ends]
    solid = [b for b in below if colliding(model, b)]
    moved = [b for b in solid if np.linalg.norm(centres[1][b] - centres[0][b]) > _MOVED]
    if not moved:
        raise UserError(f"nothing below {chain.hand} moves with '{finger}'; see --gripper-joint")
    bodies = _two_sides(model, moved, solid, centres, hand)
    tips = _tips(model, ends, bodies, hand)
    gaps = [tip.gap for tip in tips]
    closed, opened = (low, high) if gaps[0] < gaps[1] else (high, low)
    at_open, at_closed = (tips[1], tips[0]) if gaps[0] < gaps[1] else (tips[0], tips[1])
    position, axes = _frame(at_open, at_closed)
    slides = model.jnt_type[model.joint(finger).id] == mujoco.mjtJoint.mjJNT_SLIDE
    return Gripper(
        float(closed),
        float(opened),
        "m" if slides else "rad",
        round(max(gaps), 4),
        round(min(gaps), 4),
        (model.body(bodies[0]).name, model.body(bodies[1]).name),
        position,
        axes,
    )


def _at(model: mujoco.MjModel, chain: Chain, finger: str, target: float) -> mujoco.MjData:
    """Where everything is when the finger was driven there, without contacts."""
    flags = model.opt.disableflags
    integrator = model.opt.integrator
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
    data = mujoco.MjData(model)
    arm = [model.joint(name) for name in chain.joints]
    held, speeds = [j.qposadr[0] for j in arm], [j.dofadr[0] for j in arm]
    start = data.qpos[held].copy()
    data.ctrl[model.actuator(finger).id] = target
    for _ in range(round(_SECONDS / model.opt.timestep)):
        mujoco.mj_step(model, data)
        data.qpos[held], data.qvel[speeds] = start, 0.0
    mujoco.mj_forward(model, data)
    model.opt.disableflags, model.opt.integrator = flags, integrator
    here, (low, high) = float(data.joint(finger).qpos[0]), model.joint(finger).range
    if not abs(here - target) < _ARRIVED * (high - low):
        raise UserError(
            f"'{finger}' was driven to {target:g} and came to {here:g}: something else holds the "
            "gripper; name the joint that moves all of it with --gripper-joint"
        )
    return data


def _two_sides(
    model: mujoco.MjModel, moved: list[int], solid: list[int], centres: list[np.ndarray], hand: int
) -> tuple[int, int]:
    """The farthest body of the gripper that moves one way, and the other way or not at all."""
    tip = max(moved, key=lambda b: float(np.linalg.norm(centres[0][b])))
    way = centres[1][tip] - centres[0][tip]
    against = [b for b in moved if (centres[1][b] - centres[0][b]) @ way < -0.2 * (way @ way)]
    if against:
        return tip, max(against, key=lambda b: float(np.linalg.norm(centres[0][b])))
    still = [b for b in [*solid, hand] if b not in moved and colliding(model, b)] or [hand]
    return tip, max(still, key=lambda b: float(np.linalg.norm(centres[0][b])))


class _Tips(NamedTuple):
    """The ends of both fingers, frame of the hand."""

    one: np.ndarray  # (n, 3) m
    other: np.ndarray  # (n, 3) m
    out: np.ndarray  # (3,) from the hand to the tips

    @property
    def nearest(self) -> np.ndarray:
        """(2, 3) m, where they are nearest to each other."""
        distances = np.linalg.norm(self.one[:, None] - self.other[None], axis=-1)
        i, j = np.unravel_index(np.argmin(distances), distances.shape)
        return np.array([self.one[i], self.other[j]])

    @property
    def gap(self) -> float:
        """m"""
        return float(np.linalg.norm(np.diff(self.nearest, axis=0)))


def _tips(
    model: mujoco.MjModel, ends: list[mujoco.MjData], bodies: tuple[int, int], hand: int
) -> list[_Tips]:
    """The same points at both ends of the finger's way: those that reach farthest out at one."""
    points = [
        [points_of(model, data, colliding(model, body), hand) for body in bodies] for data in ends
    ]
    middle = np.mean([p.mean(0) for both in points for p in both], axis=0)
    longest = int(np.argmax(np.abs(middle)))
    out = np.eye(3)[longest] * np.sign(middle[longest])
    reach = [min(float((p @ out).max()) for p in both) for both in points]
    farther = points[int(np.argmax(reach))]
    one, other = (p @ out > max(reach) - _TIP for p in farther)
    return [_Tips(both[0][one], both[1][other], out) for both in points]


def _frame(opened: _Tips, closed: _Tips) -> tuple[np.ndarray, np.ndarray]:
    """Between the tips, a centimetre from their end; z away from the hand, y the way they close."""
    out, both = opened.out, np.concatenate([closed.one, closed.other])
    across = np.diff([closed.one.mean(0), opened.one.mean(0)], axis=0)[0]
    across -= np.diff([closed.other.mean(0), opened.other.mean(0)], axis=0)[0]
    across -= (across @ out) * out
    across /= np.linalg.norm(across)
    axes = np.column_stack([np.cross(across, out), across, out])
    aside = both @ axes[:, 0]
    place = np.r_[
        (aside.min() + aside.max()) / 2,
        closed.nearest.mean(0) @ across,
        float((both @ out).max()) - _INSIDE,
    ]
    return axes @ place, axes


def points_of(
    model: mujoco.MjModel, data: mujoco.MjData, shapes: list[int], hand: int
) -> np.ndarray:
    """Points (n, 3) on shapes of a body, frame of the hand: of meshes some, of others corners."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
    found = []
    for geom in shapes:
        local = model.geom_aabb[geom, :3] + signs * model.geom_aabb[geom, 3:]
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH:
            mesh = model.geom_dataid[geom]
            first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
            local = model.mesh_vert[first : first + count : max(1, count // _POINTS)]
        found.append(data.geom_xpos[geom] + local @ data.geom_xmat[geom].reshape(3, 3).T)
    return _in_hand(data, hand, np.concatenate(found))


def _driven(model: mujoco.MjModel) -> list[str]:
    """Joints that actuators drive, themselves or by a tendon."""
    found: list[str] = []
    for kind, (target, _) in zip(model.actuator_trntype, model.actuator_trnid, strict=True):
        joints = [target] if kind == mujoco.mjtTrn.mjTRN_JOINT else []
        if kind == mujoco.mjtTrn.mjTRN_TENDON:
            first, count = model.tendon_adr[target], model.tendon_num[target]
            joints = model.wrap_objid[first : first + count].tolist()
        found += [model.joint(int(joint)).name for joint in joints]
    return found


def colliding(model: mujoco.MjModel, body: int) -> list[int]:
    """Its shapes that collide; all it has where none does."""
    own = np.flatnonzero(model.geom_bodyid == body)
    collide = own[(model.geom_contype[own] | model.geom_conaffinity[own]) != 0]
    return (collide if len(collide) else own).tolist()


def _in_hand(data: mujoco.MjData, hand: int, points: np.ndarray) -> np.ndarray:
    return (points - data.xpos[hand]) @ data.xmat[hand].reshape(3, 3)


def _is_below(model: mujoco.MjModel, body: int, hand: int) -> bool:
    """On the same last link of the arm as the hand, or beyond it."""
    link = model.body_weldid[hand]
    while body > 0:
        if model.body_weldid[body] == link:
            return True
        body = model.body_parentid[body]
    return False
