"""A scene is an arena, an arm and props, compiled into one MuJoCo model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mujoco

from wm_planner.envs.props import Prop

ARENA = "tabletop.xml"


def build_scene(mjcf_dir: Path, arm: str, props: Sequence[Prop]) -> mujoco.MjModel:
    """Compile the arena with the arm at its origin and the props on the table."""
    parts = {name: (mjcf_dir / name).read_bytes() for name in (ARENA, arm)}
    includes = "".join(f'<include file="{name}"/>' for name in parts)
    spec = mujoco.MjSpec.from_string(f"<mujoco>{includes}</mujoco>", parts)
    for prop in props:
        prop.add_to(spec)
    return spec.compile()
