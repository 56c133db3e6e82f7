"""The compiled imagination on processors that this one can look like: none is green here only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.processor import processor_class

NATIVE = Path(__file__).with_name("test_native.py")
ROOT = NATIVE.parents[2]
LESSER = {  # class: how a better x86 processor looks like it
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "DEFAULT": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}
BETTER = {"AVX2": ("AMX", "AVX512"), "DEFAULT": ("AMX", "AVX512", "AVX2")}


@pytest.mark.parametrize("lesser", LESSER)
def test_native_tests_pass_as_on_a_lesser_processor(lesser):
    here = processor_class()
    if here not in BETTER[lesser]:
        pytest.skip(f"this processor is of class {here}: it cannot look like {lesser}")
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", str(NATIVE)],
        cwd=ROOT, env={**os.environ, **LESSER[lesser]}, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]
    assert " passed" in found.stdout
    name = subprocess.run(
        [sys.executable, "-c", "from wm_planner.processor import *; print(processor_class())"],
        cwd=ROOT, env={**os.environ, **LESSER[lesser]}, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    assert name == lesser
