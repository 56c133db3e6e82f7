"""Where config/, models/ and launch/ are (being extended by the packaging work)."""

from pathlib import Path


def share_dir() -> Path:
    return Path(__file__).resolve().parent.parent


def mjcf_dir() -> Path:
    return share_dir() / "models" / "mjcf"


def robot_config(name: str) -> Path:
    return share_dir() / "config" / "robots" / f"{name}.yaml"
