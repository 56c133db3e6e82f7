"""A small arm that is described here: six joints, a gripper of two fingers that slide."""

from __future__ import annotations

_LINKS = (  # parent, child, joint, axis, place, length of the link
    ("base", "shoulder", "j1", "0 0 1", "0 0 0.2", 0.05),
    ("shoulder", "upper", "j2", "0 1 0", "0 0 0.1", 0.3),
    ("upper", "fore", "j3", "0 1 0", "0 0 0.35", 0.25),
    ("fore", "wrist", "j4", "0 0 1", "0 0 0.3", 0.05),
    ("wrist", "roll", "j5", "0 1 0", "0 0 0.08", 0.03),
    ("roll", "hand", "j6", "0 0 1", "0 0 0.05", 0.05),
)


def link(name: str, length: float, mesh: str = "") -> str:
    shape = f'<mesh filename="{mesh}"/>' if mesh else f'<cylinder radius="0.03" length="{length}"/>'
    place = f'<origin xyz="0 0 {length / 2}"/>'
    return (
        f'<link name="{name}"><inertial>{place}<mass value="1"/>'
        '<inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>'
        f"<visual>{place}<geometry>{shape}</geometry></visual>"
        f"<collision>{place}<geometry>{shape}</geometry></collision></link>"
    )


def finger(name: str, joint: str, side: int, mimic: str = "") -> str:
    return (
        f'<link name="{name}"><inertial><mass value="0.02"/><inertia ixx="1e-5" iyy="1e-5" '
        'izz="1e-5" ixy="0" ixz="0" iyz="0"/></inertial><collision><origin xyz="0 0 0.04"/>'
        '<geometry><box size="0.02 0.01 0.06"/></geometry></collision></link>'
        f'<joint name="{joint}" type="prismatic"><parent link="hand"/><child link="{name}"/>'
        f'<origin xyz="0 {0.005 * side} 0.06"/><axis xyz="0 {side} 0"/>'
        f'<limit lower="0" upper="0.035" velocity="0.1" effort="30"/>{mimic}</joint>'
    )


_CUP = (
    '<link name="cup"><inertial><mass value="0.02"/><inertia ixx="1e-5" iyy="1e-5" izz="1e-5" '
    'ixy="0" ixz="0" iyz="0"/></inertial><collision><origin xyz="0 0 0.045"/><geometry>'
    '<cylinder radius="0.01" length="0.07"/></geometry></collision></link>'
    '<joint name="mount" type="fixed"><parent link="hand"/><child link="cup"/>'
    '<origin xyz="0 0 0.05"/></joint>'
)  # ends 0.13 m beyond the hand's frame


def small_arm(mesh: str = "", cup: bool = False) -> str:
    """Its URDF; with a suction cup in the place of its fingers."""
    parts = [link("base", 0.15)]
    for parent, child, joint, axis, place, length in _LINKS:
        parts.append(link(child, length, mesh if child == "upper" else ""))
        parts.append(
            f'<joint name="{joint}" type="revolute"><parent link="{parent}"/>'
            f'<child link="{child}"/><origin xyz="{place}"/><axis xyz="{axis}"/>'
            '<limit lower="-2.9" upper="2.9" velocity="2.5" effort="60"/></joint>'
        )
    if cup:
        parts.append(_CUP)
    else:
        parts.append(finger("left", "finger_joint", 1))
        parts.append(finger("right", "follower", -1, '<mimic joint="finger_joint"/>'))
    return f'<robot name="small">{"".join(parts)}</robot>'
