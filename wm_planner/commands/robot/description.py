"""Reads what a robot's maker says about it: URDF or MJCF, with SRDF, by MuJoCo's own importer."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import mujoco

from wm_planner.errors import UserError

_PACKAGE = re.compile(r"^package://([^/]+)/(.+)$")
_MESHES = (".obj", ".stl", ".msh")  # what MuJoCo reads


@dataclass
class Description:
    """A robot as it is described, and what the description leaves open.

    Attributes:
        path: the file.
        spec: what MuJoCo makes of it; changed by those who add what is missing.
        velocity: rad/s or m/s of joints, where a URDF says so.
        effort: Nm or N of joints, where a URDF says so.
        acceleration: rad/s^2 of joints, where a URDF for Drake says so.
        apart: pairs of links that an SRDF lets touch.
        hand: link that an SRDF's end effector is attached to, or "".
        gaps: what is not known, in words.
    """

    path: Path
    spec: mujoco.MjSpec
    velocity: dict[str, float] = field(default_factory=dict)
    effort: dict[str, float] = field(default_factory=dict)
    acceleration: dict[str, float] = field(default_factory=dict)
    apart: list[tuple[str, str]] = field(default_factory=list)
    hand: str = ""
    gaps: list[str] = field(default_factory=list)


def read_description(
    urdf: Path | None, mjcf: Path | None, srdf: Path | None, without_meshes: bool
) -> Description:
    """Read one of both, and what an SRDF adds.

    Raises:
        UserError: no such file, no such mesh, or nothing that MuJoCo can read.
    """
    path = urdf or mjcf
    if path is None or (urdf is not None and mjcf is not None):
        raise UserError("give the robot's description: --urdf FILE or --mjcf FILE, one of both")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected the robot's {'URDF' if urdf else 'MJCF'}")
    if path.suffix == ".xacro":
        raise UserError(f"{path} is a xacro: expand it first, `xacro {path.name} > robot.urdf`")
    found = _read_urdf(path, without_meshes) if urdf else _read_mjcf(path, without_meshes)
    if srdf is not None:
        _read_srdf(srdf, found)
    return found


def _read_mjcf(path: Path, without_meshes: bool) -> Description:
    spec = _import(lambda: mujoco.MjSpec.from_file(str(path)), path)
    found = Description(path, spec)
    folder = path.parent / (spec.meshdir or "")
    gone = [m.name for m in spec.meshes if m.file and not (folder / m.file).is_file()]
    if gone and not without_meshes:
        raise UserError(
            f"{path}: {len(gone)} meshes are missing, first '{gone[0]}' in {folder}; put them "
            "there, or go on with the kinematics alone: --without-meshes"
        )
    if without_meshes:
        _drop_meshes(found, {m.name for m in spec.meshes})
    return found


def _read_urdf(path: Path, without_meshes: bool) -> Description:
    root = _xml(path)
    found = Description(path, mujoco.MjSpec())
    for joint in root.iter("joint"):
        limit = joint.find("limit")
        if limit is not None:
            for name, values in (
                ("velocity", found.velocity),
                ("effort", found.effort),
                ("drake_acceleration", found.acceleration),
            ):
                if float(limit.get(name, 0)) > 0:
                    values[joint.get("name", "")] = float(limit.get(name, 0))
    unread = 0
    for part in (*root.iter("visual"), *root.iter("collision")):
        for geometry in part.iter("geometry"):
            for mesh in list(geometry.iter("mesh")):
                file = _resolve(path, mesh.get("filename", ""))
                if not without_meshes and not file.is_file():
                    raise UserError(
                        f"{path}: mesh '{mesh.get('filename')}' is missing, looked at {file}; "
                        "put it there, or go on with the kinematics alone: --without-meshes"
                    )
                if without_meshes or file.suffix.lower() not in _MESHES:
                    unread += 1
                    geometry.remove(mesh)
                    ET.SubElement(geometry, "sphere", radius="0.001")
                else:
                    mesh.set("filename", str(file))
    if unread:
        found.gaps.append(
            f"{unread} meshes were left out: "
            + ("as asked" if without_meshes else f"MuJoCo reads {', '.join(_MESHES)} only")
            + "; collisions of those shapes are not seen"
        )
    for i, material in enumerate(root.iter("material")):
        material.set("name", material.get("name") or f"unnamed_{i}")
    for extension in root.findall("mujoco"):
        root.remove(extension)
    options = {"fusestatic": "false", "strippath": "false", "discardvisual": "false"}
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", options)
    text = ET.tostring(root, encoding="unicode")
    found.spec = _import(lambda: mujoco.MjSpec.from_string(text), path)
    return found


def _read_srdf(path: Path, found: Description) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected the robot's SRDF")
    root = _xml(path)
    known = {body.name for body in found.spec.bodies}
    for pair in root.iter("disable_collisions"):
        links = (pair.get("link1", ""), pair.get("link2", ""))
        if set(links) <= known:
            found.apart.append(links)
    effector = root.find("end_effector")
    if effector is not None and effector.get("parent_link") in known:
        found.hand = effector.get("parent_link", "")


def _resolve(path: Path, name: str) -> Path:
    """Where a mesh of a URDF lies: package:// is looked for above the URDF."""
    match = _PACKAGE.match(name)
    if match is None:
        return path.parent / name.removeprefix("file://")
    package, rest = match.groups()
    for folder in path.resolve().parents:
        for candidate in (folder / package / rest, folder / rest):
            if candidate.is_file() and (candidate.parts[-len(Path(rest).parts) - 1] == package):
                return candidate
    return path.resolve().parent / package / rest


def _drop_meshes(found: Description, names: set[str]) -> None:
    dropped = [g for g in found.spec.geoms if g.meshname in names]
    for geom in dropped:
        found.spec.delete(geom)
    for mesh in list(found.spec.meshes):
        found.spec.delete(mesh)
    if dropped:
        found.gaps.append(
            f"{len(dropped)} shapes made of meshes were left out, as asked; their collisions are "
            "not seen"
        )


def _xml(path: Path) -> ET.Element:
    text = path.read_text(errors="replace")
    for prefix in (r"(</?\s*)(\w+):", r"(\s)(\w+):(?=\w+=)"):  # of tools that declare none
        text = re.sub(prefix, r"\1\2_", text)
    try:
        return ET.fromstring(text.encode())
    except ET.ParseError as error:
        raise UserError(f"{path} is no XML: {error}") from error


def _import(read, path: Path) -> mujoco.MjSpec:  # type: ignore[no-untyped-def]
    try:
        return read()
    except (ValueError, mujoco.FatalError) as error:
        raise UserError(f"{path}: MuJoCo cannot read it: {error}") from error
