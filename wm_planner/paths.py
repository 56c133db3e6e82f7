"""Finds config/, models/ and launch/: beside the package in a checkout, in share/ if installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wm_planner.errors import UserError

_PACKAGE = Path(__file__).resolve().parent


def share_dir(package: Path = _PACKAGE) -> Path:
    """Folder with config/, models/ and launch/ that belongs to the `package` folder.

    A checkout holds package.xml beside the package; an installation (pip or colcon) holds it in
    share/wm_planner of the prefix that the package lies in. Either way the files found are those
    of the very package that runs, whatever else is installed or sourced.
    """
    installed = [parent / "share" / package.name for parent in package.parents]
    for candidate in [package.parent, *installed]:
        if (candidate / "package.xml").is_file():
            return candidate
    searched = ", ".join(str(path) for path in [package.parent, *installed])
    raise UserError(
        f"no share folder of {package.name} found: looked for package.xml in {searched}; "
        "reinstall the package (`make setup`, or `colcon build`)"
    )


def config_dir() -> Path:
    """Folder with planner.yaml, robots/, tasks/ and train/."""
    return share_dir() / "config"


def mjcf_dir() -> Path:
    """Folder with the MJCF files of arms and scenes."""
    return share_dir() / "models" / "mjcf"


def robot_config(name_or_path: str | Path) -> Path:
    """The YAML file of a robot: a name from config/robots, or the path of a file of your own.

    A name wins over a file of the same name in the working directory: write ./name for that.
    """
    known = {file.stem: file for file in (config_dir() / "robots").glob("*.yaml")}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    if (path := Path(name_or_path)).is_file():
        return path
    raise _unknown("robot", name_or_path, known, "a .yaml file")


def model_dir(name_or_path: str | Path) -> Path:
    """The folder of a trained model: a name from models/, or the path of a folder of your own.

    A name wins over a folder of the same name in the working directory: write ./name for that.
    """
    known = {file.parent.name: file.parent for file in _models().glob("*/config.yaml")}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    if (path / "config.yaml").is_file():
        return path
    if path.is_dir():
        raise UserError(
            f"{path} is not a model: it has no config.yaml; expected config.yaml and "
            "model.safetensors, as `wm_planner train` writes them"
        )
    raise _unknown("model", name_or_path, known, "a folder with config.yaml and model.safetensors")


def _models() -> Path:
    return share_dir() / "models"


def _unknown(kind: str, value: str | Path, known: Iterable[str], instead: str) -> UserError:
    names = ", ".join(sorted(known)) or "none yet"
    return UserError(
        f"unknown {kind} {str(value)!r}: known are {names}; or give the path of {instead}"
    )
