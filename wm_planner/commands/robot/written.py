"""Writes an arm's MJCF, with the meshes it needs in a folder beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import mujoco

from wm_planner.commands.robot.description import Description


def write_mjcf(found: Description, path: Path) -> None:
    """Write `path`, and its meshes to the folder of the same name; what the arena says is left out.

    Textures are left out: colours of materials stay.
    """
    spec, folder = found.spec, path.with_suffix("")
    source = found.path.resolve().parent / (spec.meshdir or "")
    meshes = [mesh for mesh in spec.meshes if mesh.file]
    if meshes:
        folder.mkdir(parents=True)
    for i, mesh in enumerate(meshes):
        file = Path(mesh.file) if Path(mesh.file).is_absolute() else source / mesh.file
        name = f"{i}_{file.name}"
        shutil.copyfile(file, folder / name)
        if not mesh.name:
            mesh.name = file.stem
        mesh.file = name
    spec.meshdir, spec.texturedir = folder.name, ""
    for material in spec.materials:
        material.textures = [""] * len(material.textures)
    for texture in list(spec.textures):
        spec.delete(texture)
    spec.modelname = path.stem
    plain = mujoco.MjSpec()
    for name in ("timestep", "integrator", "cone", "impratio"):
        setattr(spec.option, name, getattr(plain.option, name))
    path.write_text(spec.to_xml())
