"""Which joints of a description are the arm's, and what belongs to its hand."""

from __future__ import annotations

from typing import NamedTuple

import mujoco

from wm_planner.errors import UserError

_USUAL_SITES = ("tcp", "tool0", "pinch", "grasp", "grasp_site", "gripperframe", "attachment_site")
_TURNS = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE)


class Chain(NamedTuple):
    """From the base to the hand.

    Attributes:
        joints: names of the arm's joints, base to hand.
        hand: name of the link that the last of them moves: the hand is fixed to it.
        site: name of the site that was asked for or found, or "".
        others: names of the joints beyond the hand: the gripper's.
        told: how the hand was found.
    """

    joints: tuple[str, ...]
    hand: str
    site: str
    others: tuple[str, ...]
    told: str


def find_chain(spec: mujoco.MjSpec, hand_site: str, hand_body: str) -> Chain:
    """The chain to the hand that is named, or to the only one there can be.

    Raises:
        UserError: no such site or body, or nothing says which one is the hand.
    """
    sites = {site.name: site for site in spec.sites if site.name}
    bodies = {body.name: body for body in spec.bodies}
    told = f"the hand is {hand_site or hand_body}, as asked"
    if hand_site and hand_site not in sites:
        raise UserError(f"no site '{hand_site}': there is {_list(sites)}; or give --hand-body")
    if hand_body and hand_body not in bodies:
        raise UserError(f"no body '{hand_body}': there is {_list(bodies)}")
    if not hand_site and not hand_body:
        usual = [name for name in _USUAL_SITES if name in sites]
        if not usual:
            raise UserError(
                "which one is the hand? Nothing in the description says so: give --hand-body, one "
                f"of {_list(bodies)}, or --hand-site, one of {_list(sites)}"
            )
        hand_site, told = usual[0], f"the hand is the site '{usual[0]}': known by its usual name"
    hand = sites[hand_site].parent if hand_site else bodies[hand_body]
    above: list[mujoco.MjsBody] = []
    body = hand
    while body.name != "world":
        above.append(body)
        body = body.parent
    joints = [joint for body in reversed(above) for joint in body.joints]
    if any(joint.type not in _TURNS for joint in joints):
        raise UserError(f"the base of {hand.name} floats or has a ball joint: fix it to the world")
    if not joints:
        raise UserError(f"no joint moves {hand.name}; name another one with --hand-body")
    last = next(body for body in above if body.joints)  # the gripper hangs on the last moved link
    inside = {joint.name for joint in joints}
    below = [j.name for b in _tree(last) for j in b.joints if j.name not in inside]
    return Chain(tuple(j.name for j in joints), last.name, hand_site, tuple(below), told)


def _tree(body: mujoco.MjsBody) -> list[mujoco.MjsBody]:
    return [body, *(b for child in body.bodies for b in _tree(child))]


def _list(names) -> str:  # type: ignore[no-untyped-def]
    shown = list(names)
    return ", ".join(shown[:25]) + (", ..." if len(shown) > 25 else "") if shown else "none"
