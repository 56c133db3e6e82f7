"""What a LeRobot dataset says of itself in meta/info.json, believed as far as it is checked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.errors import UserError
from wm_planner.safe_yaml import read_text

INFO = "meta/info.json"
_MAX_BYTES = 2**24
_PLACE = re.compile(r"\{([a-z_]+)(?::0?([0-9]{1,2})d)?\}")
_VERSIONS = {"v2.0": 2, "v2.1": 2, "v3.0": 3}


class Feature(NamedTuple):
    """A column of the data, or a camera."""

    dtype: str  # float32, ..., video or image
    shape: tuple[int, ...]


class Info(NamedTuple):
    """Where everything is, and how often."""

    root: Path
    version: int  # 2 or 3
    fps: float
    data_path: str
    video_path: str
    chunk_size: int
    features: dict[str, Feature]

    def file(self, pattern: str, **values: int | str) -> Path:
        """A file of the dataset, which lies inside it."""
        text = _PLACE.sub(lambda match: _filled(match, values), pattern)
        path = self.root / text
        if "{" in text or not _is_inside(path, self.root):
            raise UserError(f"{self.root}: {text[:200]!r} does not lie in the dataset")
        return path


def read_info(root: Path) -> Info:
    """Of a dataset's folder; a UserError says what is wrong with it."""
    path = root / INFO
    values = read_json(path)
    version = str(values.get("codebase_version"))
    if version not in _VERSIONS:
        raise UserError(
            f"{path}: codebase_version is {version[:20]}, read are {', '.join(_VERSIONS)}; convert "
            "it with lerobot's own script"
        )
    fps, features = values.get("fps"), values.get("features")
    if not isinstance(fps, int | float) or not 0 < fps <= 1000 or not isinstance(features, dict):
        raise UserError(f"{path}: fps is {fps!r} and features are {type(features).__name__}")
    patterns = {name: values.get(name) or "" for name in ("data_path", "video_path")}
    if not all(isinstance(pattern, str) for pattern in patterns.values()):
        raise UserError(f"{path}: {patterns} are no paths")
    chunk = values.get("chunks_size", 1000)
    if not isinstance(chunk, int) or chunk < 1:
        raise UserError(f"{path}: chunks_size is {chunk!r}")
    checked = {str(name): _feature(path, name, given) for name, given in features.items()}
    return Info(
        root, _VERSIONS[version], float(fps), chunk_size=chunk, features=checked, **patterns
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of bounded size."""
    values = parse_json(read_text(path, _MAX_BYTES), path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected an object, got {type(values).__name__}")
    return values


def parse_json(text: str, path: Path) -> Any:
    """A JSON value, or a UserError that names the file."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from error


def _is_inside(path: Path, root: Path) -> bool:
    """Whether it is a path at all, and where it leads, links and all, is inside."""
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError):  # too long, or with a null
        return False
    return path.resolve().is_relative_to(root.resolve())


def _feature(path: Path, name: str, given: Any) -> Feature:
    shape = given.get("shape") if isinstance(given, dict) else None
    if not isinstance(shape, list) or not all(isinstance(n, int) and 0 < n < 10**5 for n in shape):
        raise UserError(f"{path}: feature {name[:80]} has shape {str(shape)[:80]}")
    return Feature(str(given.get("dtype")), tuple(shape))


def _filled(match: re.Match[str], values: dict[str, int | str]) -> str:
    name, width = match.groups()
    value = values.get(name)
    if isinstance(value, int):
        return f"{value:0{int(width or 0)}d}"
    return value if isinstance(value, str) and not width else match.group()
