"""What can be served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from wm_planner.errors import UserError


class Policy(Protocol):
    """Says what to do from what is seen, a chunk of actions at a time."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What it says of itself to who connects: plain values."""

    def infer(self, question: Mapping[str, Any]) -> np.ndarray:
        """Actions (H, A) from frames (h, w, 3) uint8 RGB, state (P,) and words, by their names.

        Raises a UserError for a question that is not what it takes.
        """


def picture(question: Mapping[str, Any], name: str) -> np.ndarray:
    """A frame (h, w, 3) uint8 RGB of a question."""
    frame = _array(question, name)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise UserError(
            f"{name} has shape {frame.shape} and type {frame.dtype}, expected (h, w, 3) uint8 RGB"
        )
    return frame


def numbers(question: Mapping[str, Any], name: str, size: int) -> np.ndarray:
    """Finite numbers (size,) of a question, as float32."""
    values = _array(question, name).astype(np.float32)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise UserError(f"{name} has shape {values.shape}, expected {size} finite numbers")
    return values


def words(question: Mapping[str, Any], name: str) -> str:
    """Words of a question; empty without."""
    text = question.get(name, "")
    if not isinstance(text, str):
        raise UserError(f"{name} is a {type(text).__name__}, expected words")
    return text


def _array(question: Mapping[str, Any], name: str) -> np.ndarray:
    value = question.get(name)
    if not isinstance(value, np.ndarray):
        sent = ", ".join(map(str, question))[:300] or "nothing"
        raise UserError(f"no array '{name}' was sent, but {sent}; send it under this name")
    return value
