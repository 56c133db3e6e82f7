"""Files and values spoilt in the ways that disks, networks and enemies spoil them."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wm_planner.errors import UserError

EXAMPLES = [100, pytest.param(10_000, marks=pytest.mark.slow)]
_SECONDS = 2.0  # of the processor, for one example
_MEMORY = 2**30  # bytes that all examples of a test may add to the process
_ODD = st.sampled_from(
    [None, True, "", "x", "../../x", "/etc/passwd", "\0", "\ud7ff", "a" * 5000, [], {}, [[]], -1, 0,
     1, 2**31, 2**63 - 1, -(2**63), 10**30, 0.0, -0.0, 1e-300, 1e300, float("nan"), float("inf")]
)  # fmt: skip
_KINDS = ("flip", "flip", "flip", "set", "set", "random", "cut", "double", "end")
FLOATS = st.floats(allow_subnormal=False)  # other tests may have had torch flush them
WEIRD = st.recursive(
    _ODD | st.integers() | FLOATS | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=4), part, max_size=3)
    ),
    max_leaves=6,
)


def fuzz(examples: int, strategy: st.SearchStrategy, check: Callable[[Any], object]) -> None:
    """`check` ends with a result or a UserError, soon and in little memory, for every example."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples <= 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def holds(example: Any) -> None:
        started = time.process_time()  # others may be using the machine
        try:
            check(example)
        except UserError as error:
            assert str(error)
        assert time.process_time() - started < _SECONDS

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    holds()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < _MEMORY


@st.composite
def spoilt_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid` with bits flipped, bytes overwritten, parts cut out, doubled or cut off; or noise."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        size = draw(st.sampled_from([1, 1, 2, 4, 8, 64]))
        kind = draw(
            st.sampled_from(
                ["flip", "flip", "flip", "set", "set", "random", "cut", "double", "end"]
            )
        )
        if kind == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            byte = draw(st.sampled_from(list(b"\0\x01\x7f\x80\xff9-")))
            content[place : place + size] = bytes([byte]) * size
        elif kind == "random":
            content[place : place + size] = draw(st.binary(min_size=size, max_size=size))
        elif kind == "cut":
            del content[place : place + size]
        elif kind == "double":
            content[place:place] = content[place : place + size]
        elif kind == "end":
            del content[place:]
    return bytes(content)


@st.composite
def spoilt_values(draw: st.DrawFn, valid: dict[str, Any]) -> dict[str, Any]:
    """`valid` with values replaced by weird ones, at any depth, and keys removed or added."""
    values = dict(valid)
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from([*valid, "extra"]))
        old = valid.get(key)
        kind = draw(st.integers(0, 5))
        if kind == 0:
            values.pop(key, None)
        elif kind <= 2 and isinstance(old, dict) and old:
            values[key] = draw(spoilt_values(old))
        elif kind <= 2 and isinstance(old, list | tuple) and old:
            part = list(old)
            part[draw(st.integers(0, len(part) - 1))] = draw(WEIRD)
            values[key] = part
        elif kind == 3 and isinstance(old, int | float) and not isinstance(old, bool):
            values[key] = draw(st.sampled_from([-old, old * 10, old * 10**6, old + 1, str(old)]))
        else:
            values[key] = draw(WEIRD)
    return values
