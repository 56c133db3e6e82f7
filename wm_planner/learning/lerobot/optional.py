"""What LeRobot datasets need beyond the rest of the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wm_planner.errors import UserError


def needed(module: str) -> Any:
    """An optional module, such as pyarrow.parquet or av; a UserError says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(
            f"LeRobot datasets need {module.partition('.')[0]}, which is not installed ({error}); "
            "run `pip install 'wm_planner[lerobot]'`, or `pip install pyarrow av`"
        ) from error
