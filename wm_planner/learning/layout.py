"""What an episode's HDF5 group may hold, found out before any of it is read.

An HDF5 file can say that it holds terabytes and be a few bytes long, read other files through
links and virtual datasets, and run filters that happen to be installed. None of that is data.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import h5py
import numpy as np

MAX_BYTES = 2**31  # of an array; nearly four minutes of 640 x 480 at 10 Hz
_MAX_STEPS = 100_000
_MAX_EDGE = 4096  # pixels
_MAX_WIDTH = 4096  # numbers of a step
_MAX_CAMERAS = 16
_MAX_INSTRUCTION = 200  # characters
_MAX_RATIO = 1100  # deflate packs 1032 bytes into one at best
_SLACK = 2**16  # bytes that may be declared and not stored
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_LZF: "lzf",
}
_VECTORS = {"actions": 2, "dones": 1, "obs/proprio": 2}  # name: axes
PRIVILEGED = {"rewards": 1, "expert_actions": 2, "landmarks": 2}
"""Names and axes of what only a simulation knows; none of it need be there."""


class LayoutError(ValueError):
    """A group that is no episode; the message says why."""


class Array(NamedTuple):
    """A dataset that was checked and may be read."""

    name: str
    dataset: h5py.Dataset

    def read(self) -> np.ndarray:
        return self.dataset[()]

    def read_numbers(self, known: bool = True) -> np.ndarray:
        """As float32; where they are `known`, NaN and infinity are errors."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.read().astype(np.float32)
        if np.isinf(values).any() or (known and np.isnan(values).any()):
            raise LayoutError(f"{self.name} holds NaN or infinity; remove that episode")
        return values


def checked_arrays(group: h5py.Group, privileged: bool = True) -> dict[str, Array]:
    """The arrays of an episode by name, of fitting types, shapes and lengths; none is read.

    Those that only a simulation has are among them if they are there, and `privileged`.
    """
    arrays = {name: _array(group, name, "biuf") for name in _VECTORS}
    if privileged:
        kinds = {"rewards": "biuf", "expert_actions": "f", "landmarks": "f"}
        arrays |= {name: _array(group, name, kinds[name]) for name in PRIVILEGED if name in group}
    cameras = [name for name in checked_group(group, "obs") if name.endswith("_image")]
    if len(cameras) > _MAX_CAMERAS:
        raise LayoutError(f"{len(cameras)} cameras, at most {_MAX_CAMERAS} are read")
    arrays |= {f"obs/{name}": _array(group, f"obs/{name}", "u") for name in cameras}
    _check_shapes(arrays)
    return arrays


def checked_frames(group: h5py.Group, cameras: tuple[str, ...]) -> dict[str, Array]:
    """The frames of `cameras`, by their names, alike in length; nothing else is looked at."""
    arrays = {name: _array(group, f"obs/{name}_image", "u") for name in cameras}
    for array in arrays.values():
        _check_frames(array)
    lengths = {name: array.dataset.shape[0] for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise LayoutError(f"cameras have frames {lengths}, expected as many of each")
    return arrays


def checked_array(group: h5py.Group, name: str, kinds: str) -> Array:
    """One array that lies in the file itself, of NumPy kinds such as "f"; it is not read."""
    if not (name and all(name.split("/"))):
        raise LayoutError(f"{name!r} is no name of a dataset")
    return _array(group, name, kinds)


def checked_group(parent: h5py.Group, name: str) -> h5py.Group:
    """A group that lies in the file itself."""
    found = _own(parent, name)
    if not isinstance(found, h5py.Group):
        raise LayoutError(f"{name} is a dataset, expected a group")
    return found


def checked_seed(group: h5py.Group) -> int:
    """The episode's seed; -1 where there is none."""
    if "seed" not in group.attrs:
        return -1
    attribute = group.attrs.get_id("seed")
    if attribute.shape != () or attribute.dtype.kind not in "iu":
        raise LayoutError("the attribute seed is no whole number; remove it")
    return int(group.attrs["seed"])


def checked_instruction(group: h5py.Group) -> str:
    """What was to be done in the episode, in words; empty where there is nothing."""
    if "instruction" not in group.attrs:
        return ""
    attribute = group.attrs.get_id("instruction")
    text = h5py.check_string_dtype(attribute.dtype)
    if attribute.shape != () or text is None or (text.length or 0) > 4 * _MAX_INSTRUCTION:
        raise LayoutError("the attribute instruction is no short text; remove it")
    instruction = group.attrs["instruction"]
    if isinstance(instruction, bytes):
        instruction = instruction.decode()
    if len(instruction) > _MAX_INSTRUCTION or not instruction.isprintable():
        raise LayoutError(
            f"the attribute instruction has {len(instruction)} characters, expected up to "
            f"{_MAX_INSTRUCTION} that can be printed; remove it"
        )
    return instruction


def _own(parent: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """What lies at `path` in the file itself, reached by no soft or external link."""
    for name in path.split("/"):
        link = parent.get(name, getlink=True)
        if link is None:
            raise LayoutError(f"lacks {path}; collect it again or remove that group")
        if not isinstance(link, h5py.HardLink):
            raise LayoutError(f"{path} is a link ({type(link).__name__}); copy what it points to")
        parent = parent[name]
    return parent


def _array(group: h5py.Group, name: str, kinds: str) -> Array:
    dataset = _own(group, name)
    if not isinstance(dataset, h5py.Dataset):
        raise LayoutError(f"{name} is a group, expected a dataset")
    if dataset.is_virtual or dataset.external:
        raise LayoutError(f"{name} lies in other files; copy it into this one")
    if dataset.shape is None or dataset.dtype.kind not in kinds:
        raise LayoutError(f"{name} is of type {dataset.dtype}, expected one of kind {kinds}")
    filters = dataset.id.get_create_plist()
    for i in range(filters.get_nfilters()):
        if (code := filters.get_filter(i)[0]) not in _FILTERS:
            raise LayoutError(f"{name} uses filter {code}, read are {sorted(_FILTERS.values())}")
    _check_storage(name, dataset)
    return Array(name, dataset)


def _check_storage(name: str, dataset: h5py.Dataset) -> None:
    """What is declared is bounded, and is there: compressed, but not made of nothing."""
    stored = dataset.id.get_storage_size()
    parts = (dataset.shape, dataset.chunks or ())
    declared = max(prod(map(int, part)) * dataset.dtype.itemsize for part in parts)
    if declared > min(MAX_BYTES, stored * _MAX_RATIO + _SLACK):
        raise LayoutError(
            f"{name} has shape {dataset.shape} and declares {declared} bytes, but {stored} are "
            f"stored; at most {MAX_BYTES} are read, and nothing is packed so tightly"
        )


def _check_shapes(arrays: dict[str, Array]) -> None:
    shapes = {name: array.dataset.shape for name, array in arrays.items()}
    for name, axes in {**_VECTORS, **PRIVILEGED}.items():
        shape = shapes.get(name)
        if shape is not None and (len(shape) != axes or max(shape[1:], default=0) > _MAX_WIDTH):
            raise LayoutError(f"{name} has shape {shape}, expected {axes} axes, up to {_MAX_WIDTH}")
    for name in (name for name in shapes if name.endswith("_image")):
        _check_frames(arrays[name])
    _check_lengths(shapes)


def _check_frames(array: Array) -> None:
    shape, dtype = array.dataset.shape, array.dataset.dtype
    if len(shape) != 4 or shape[3] != 3 or not 0 < min(shape[1:3]) <= max(shape) <= _MAX_STEPS:
        raise LayoutError(f"{array.name} has shape {shape}, expected (T, h, w, 3)")
    if max(shape[1:3]) > _MAX_EDGE or dtype != np.uint8:
        raise LayoutError(
            f"{array.name} has shape {shape} of {dtype}, expected uint8 up to {_MAX_EDGE} pixels "
            "an edge"
        )


def _check_lengths(shapes: dict[str, tuple[int, ...]]) -> None:
    steps = shapes["actions"][0]
    if not 0 < steps <= _MAX_STEPS:
        raise LayoutError(
            f"has no steps, or too many: {steps}, expected 1 to {_MAX_STEPS}; remove that group"
        )
    if different := {name: shape[0] for name, shape in shapes.items() if shape[0] != steps}:
        raise LayoutError(f"lengths {different} differ from {steps} actions")
    if shapes.get("expert_actions", shapes["actions"]) != shapes["actions"]:
        raise LayoutError(
            f"expert_actions has shape {shapes['expert_actions']}, actions {shapes['actions']}"
        )
