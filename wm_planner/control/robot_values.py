"""Names and numbers that a robot's file may have."""

from __future__ import annotations

import re
from typing import Any

MOST = 1e6
"""Of any number: no arm has more, whatever the unit."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}")


def is_name(value: Any) -> bool:
    """Of a joint, an actuator, a site or a body."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def is_number(value: Any) -> bool:
    """A number that an arm can have; NaN, infinity, true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST
