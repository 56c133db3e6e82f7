"""Writes an arm's MJCF, with the meshes it needs in a folder beside it."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from wm_planner.commands.robot.description import Description

_OF_THE_ARENA = ("option", "size", "visual", "statistic", "keyframe", "sensor")


def write_mjcf(found: Description, path: Path) -> None:
    """Write `path`, and its meshes to the folder of the same name; what the arena says is left out.

    Textures are left out: colours of materials stay.
    """
    root = ET.fromstring(found.spec.to_xml())
    root.set("model", path.stem)
    for name in _OF_THE_ARENA:
        for element in root.findall(name):
            root.remove(element)
    for asset in root.findall("asset"):
        for texture in asset.findall("texture"):
            asset.remove(texture)
        for material in asset.findall("material"):
            material.attrib.pop("texture", None)
            for layer in list(material):
                material.remove(layer)
    source = found.path.resolve().parent / (found.spec.meshdir or "")
    if _copy_meshes(root, source, path.with_suffix("")):
        for compiler in root.findall("compiler"):
            compiler.set("meshdir", path.stem)
            compiler.attrib.pop("texturedir", None)
    ET.indent(root)
    path.write_text(ET.tostring(root, encoding="unicode") + "\n")


def _copy_meshes(root: ET.Element, source: Path, folder: Path) -> int:
    """Copy the files of meshes, under names that differ; returns how many."""
    meshes = [mesh for mesh in root.iter("mesh") if mesh.get("file")]
    if meshes:
        folder.mkdir(parents=True, exist_ok=True)
    for i, mesh in enumerate(meshes):
        file = Path(mesh.get("file", ""))
        copy = f"{i}_{file.name}"
        shutil.copyfile(file if file.is_absolute() else source / file, folder / copy)
        mesh.set("name", mesh.get("name") or file.stem)
        mesh.set("file", copy)
    return len(meshes)
