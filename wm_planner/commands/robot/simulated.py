"""Turns a description into an arm that the simulation can carry: alone, at the origin, driven."""

from __future__ import annotations

from itertools import combinations

import mujoco
import numpy as np

from wm_planner.commands.robot.chain import Chain
from wm_planner.commands.robot.description import Description
from wm_planner.errors import UserError

_AFFINE, _FIXED = mujoco.mjtBias.mjBIAS_AFFINE, mujoco.mjtGain.mjGAIN_FIXED
_STIFFNESS, _LAG = 400.0, 0.1  # of a joint's inertia, 1/s^2; s that a joint stays behind
_LEAST_STIFFNESS = 100.0  # Nm/rad
_ARMATURE = 0.1  # kg m^2 of motors and gears that no description tells
_SMALL_ARMATURE = 0.005  # kg m^2, or kg, of a gripper's
_GRIP = {mujoco.mjtJoint.mjJNT_SLIDE: (1500.0, 40.0), mujoco.mjtJoint.mjJNT_HINGE: (20.0, 5.0)}
_GEARED = 5.0  # Nm: joints that are weaker have small gears


def isolate(found: Description, chain: Chain) -> dict[str, float]:
    """Leave the arm alone at the origin; returns where its keyframe `home` had its joints."""
    spec = found.spec
    home = _home_of(spec, chain)
    for things in (spec.keys, spec.lights, spec.cameras, spec.sensors, spec.worldbody.geoms):
        for thing in list(things):
            spec.delete(thing)
    root = spec.body(chain.hand)
    while root.parent.name != "world":
        root = root.parent
    others = [body.name for body in spec.worldbody.bodies if body.name != root.name]
    for body in list(spec.worldbody.bodies):
        if body.name != root.name:
            spec.delete(body)
    if others:
        found.gaps.append(f"{', '.join(others)} are no part of the arm and were left out")
    if np.any(np.abs(root.pos) > 1e-6):
        found.gaps.append(
            f"{root.name} stood at {np.round(root.pos, 3).tolist()} m; it stands at 0"
        )
        root.pos = [0, 0, 0]
    for body in spec.bodies:
        body.gravcomp = 1.0
    for one, other in found.apart:
        spec.add_exclude(bodyname1=one, bodyname2=other)
    return home


def drive(found: Description, chain: Chain, finger: str) -> None:
    """An actuator of its own name for each joint, whose command is the joint's position.

    Without a `finger` nothing drives the hand.
    """
    spec, model = found.spec, found.spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    chosen = []
    driven = (*chain.joints, finger) if finger else chain.joints
    drives = [_of_joint(model, i, driven) for i in range(model.nu)]
    kept = {name: i for i, name in enumerate(drives) if name}
    stay = set(kept.values())
    for i in reversed(range(model.nu)):
        if i not in stay:
            spec.delete(spec.actuators[i])
    names = [name for name, _ in sorted(kept.items(), key=lambda item: item[1])]
    wanted = dict(zip(names, spec.actuators, strict=True))
    for name in driven:
        joint = spec.joint(name)
        low, high = model.joint(name).range
        if not model.jnt_limited[model.joint(name).id] or not low < high:
            raise UserError(f"joint '{name}' has no position limits in {found.path}: add them")
        actuator = wanted.get(name)
        if actuator is not None and _is_position(actuator):
            actuator.gainprm[0] = -actuator.biasprm[1]
        else:
            if actuator is not None:
                spec.delete(actuator)
            actuator = spec.add_actuator(target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            actuator.gaintype, actuator.biastype = _FIXED, _AFFINE
            effort = found.effort.get(name, 0.0)
            if name == finger:
                stiffness, force = _GRIP[joint.type]
                force = min(force, effort or force)
            else:
                if effort > _GEARED and float(np.ravel(joint.armature)[0]) == 0:
                    joint.armature = _ARMATURE
                    inertia[model.joint(name).dofadr[0], model.joint(name).dofadr[0]] += _ARMATURE
                own = inertia[model.joint(name).dofadr[0], model.joint(name).dofadr[0]]
                stiffness, force = max(_LEAST_STIFFNESS, _STIFFNESS * own), effort
            actuator.gainprm[0] = stiffness
            actuator.biasprm[:3] = [0.0, -stiffness, -_LAG * stiffness]
            if force:
                actuator.forcerange, actuator.forcelimited = [-force, force], 1
            chosen.append(name)
        actuator.name = name
        actuator.ctrlrange, actuator.ctrllimited = [low, high], 1
    for name in chain.others:
        if float(np.ravel(spec.joint(name).armature)[0]) == 0:
            spec.joint(name).armature = _SMALL_ARMATURE
    if chosen:
        found.gaps.append(
            f"gains of {', '.join(chosen)} in the simulation are chosen: the description has none"
        )


def free_gripper(found: Description, chain: Chain, fingers: tuple[str, ...]) -> None:
    """Let no parts of the gripper collide but its fingers: a linkage's parts lie in each other."""
    spec = found.spec
    parts = [body.name for body in _tree(spec.body(chain.hand)) if body.name]
    there = {frozenset((e.bodyname1, e.bodyname2)) for e in spec.excludes}
    for pair in combinations(parts, 2):
        if set(pair) != set(fingers) and frozenset(pair) not in there:
            spec.add_exclude(bodyname1=pair[0], bodyname2=pair[1])


def _tree(body: mujoco.MjsBody) -> list[mujoco.MjsBody]:
    return [body, *(b for child in body.bodies for b in _tree(child))]


def _is_position(actuator: mujoco.MjsActuator) -> bool:
    return actuator.biastype == _AFFINE and actuator.gainprm[0] > 0 and actuator.biasprm[1] < 0


def _of_joint(model: mujoco.MjModel, actuator: int, names: tuple[str, ...]) -> str:
    """Which of these joints an actuator drives, itself or by a tendon; "" for none."""
    kind, target = model.actuator_trntype[actuator], int(model.actuator_trnid[actuator, 0])
    if kind == mujoco.mjtTrn.mjTRN_JOINT:
        driven = {model.joint(target).name}
    elif kind == mujoco.mjtTrn.mjTRN_TENDON:
        first, count = model.tendon_adr[target], model.tendon_num[target]
        driven = {model.joint(int(i)).name for i in model.wrap_objid[first : first + count]}
    else:
        return ""
    return next((name for name in names if name in driven), "")


def _home_of(spec: mujoco.MjSpec, chain: Chain) -> dict[str, float]:
    if not any(key.name == "home" for key in spec.keys):
        return {}
    model = spec.compile()
    qpos = model.key("home").qpos
    return {name: float(qpos[model.joint(name).qposadr[0]]) for name in chain.joints}
