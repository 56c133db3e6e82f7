"""The compiled imagination, imagine.cpp: built once for this processor, then taken from a cache.

What is built is tried first by a process of its own: whatever a compiler, a PyTorch and a processor
make of it together, it does not crash the one who plans.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from wm_planner.fastest import Unavailable
from wm_planner.processor import cache_dir, fingerprint

_SOURCE = Path(__file__).with_name("imagine.cpp")
_FLAGS = ("-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-fPIC", "-shared")
_LESSER = {"AVX2": ("-mno-avx512f",), "DEFAULT": ("-mno-avx",)}
"""Flags, by what PyTorch uses of an x86 processor: no more of it is used here, so that
ATEN_CPU_CAPABILITY shows what a lesser one would do."""
_NARROWER = {"AVX512": ("-mno-avx512f",)}
"""Flags, by what PyTorch uses, of a second attempt where the first one's code crashes."""
_TIME_LIMIT = 300  # s, of the compiler; it needs about 10, emulated 120
_log = logging.getLogger(__name__)


class LibraryError(Unavailable):
    """The compiled imagination is not to be had here; the message says why."""


def load_library() -> None:
    """Register torch.ops.wm_planner.imagine, built first if need be; tried once in a process.

    Raises LibraryError if there is no compiler, or it fails, or takes more than five minutes, or
    what it made crashes.
    """
    if reason := _why_not():
        raise LibraryError(reason)


@functools.cache
def _why_not() -> str:
    """Load the library, or say why it is not to be had: a failing compiler is not asked again."""
    reason = ""
    for flags in _attempts():
        if reason:
            _log.warning("%s; it is built for narrower vectors instead", reason)
        try:
            _load(flags)
        except _Crashed as crashed:
            reason = str(crashed)
        except LibraryError as error:
            return str(error)
        else:
            return ""
    return reason


def _attempts() -> Iterator[tuple[str, ...]]:
    """Flags of one build after the other, each for where the one before crashed."""
    yield _x86_flags(_LESSER)
    if narrower := _x86_flags(_NARROWER):
        yield narrower


class _Crashed(LibraryError):
    """What was built crashes here; the message says how."""


def _load(flags: Sequence[str]) -> None:
    compiler = shutil.which(os.environ.get("CXX") or "c++")
    if compiler is None:
        raise LibraryError("no C++ compiler: install g++, or name one in CXX")
    command = [compiler, *_FLAGS, *flags, *_torch_flags()]
    library = cache_dir() / f"imagine-{_digest(command)}.so"
    crashed = library.with_suffix(".crashed")
    if crashed.is_file():
        raise _Crashed(f"{crashed.read_text()}; delete {crashed} to try again")
    if not library.is_file():
        _log.info("building the compiled imagination, once, about 15 s: %s", library)
        _build(command, library)
    try:
        torch.ops.load_library(library)
    except OSError as error:
        raise LibraryError(f"{library}: {error}; delete it, it is built again") from error


def _x86_flags(by_capability: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Those for what PyTorch uses of this processor, if it is an x86 one."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ()
    return by_capability.get(torch.backends.cpu.get_cpu_capability(), ())


def _torch_flags() -> list[str]:
    root = Path(torch.__file__).parent
    return [
        f"-I{root / 'include'}",
        f"-I{root / 'include/torch/csrc/api/include'}",
        str(_SOURCE),
        f"-L{root / 'lib'}",  # libraries after the source that wants them
        "-ltorch_cpu",
        "-lc10",
    ]


def _digest(command: list[str]) -> str:
    """Of all that makes the library what it is: source, command, PyTorch and processor."""
    options = [part for part in command if part != str(_SOURCE)]  # wherever the package lies
    parts = [_SOURCE.read_text(), *options, fingerprint()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _build(command: list[str], library: Path) -> None:
    """Compile into `library`, which appears whole or not at all."""
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            partial = Path(folder) / library.name
            subprocess.run(
                [*command, "-o", str(partial)],
                check=True, capture_output=True, text=True, timeout=_TIME_LIMIT,
            )  # fmt: skip
            _try(partial, library.with_suffix(".crashed"))
            partial.replace(library)
    except subprocess.CalledProcessError as error:
        first = next((x for x in error.stderr.splitlines() if "error" in x), error.stderr[:200])
        raise LibraryError(f"{command[0]} failed: {first}") from error
    except subprocess.TimeoutExpired as error:
        raise LibraryError(f"{error.cmd[0]} took more than {_TIME_LIMIT} s") from error
    except OSError as error:
        raise LibraryError(f"cannot write {library}: {error}; set XDG_CACHE_HOME") from error


def _try(library: Path, crashed: Path) -> None:
    """Let another process imagine with it; if a signal ends that, `crashed` remembers."""
    command = [sys.executable, "-m", f"{__package__}.trial_run", str(library)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT)
    if run.returncode < 0:
        how = signal.Signals(-run.returncode).name
        crashed.write_text(f"the compiled imagination crashes here ({how})")
        raise _Crashed(crashed.read_text())
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise LibraryError(f"a trial run of the compiled imagination failed: {last[:200]}")
