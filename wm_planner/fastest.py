"""Which of several ways to do one thing is the fastest here: measured once, then remembered.

What a processor says it has tells little: one that knows bfloat16 may multiply it a hundred times
slower than float32.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wm_planner.processor import cache_dir, fingerprint

_SECONDS = 0.8  # that measuring may take, besides the first call of each way
_TURNS = 15
_MARGIN = 1.15  # so many times faster than the first way must another be: speeds fluctuate
_HOPELESS = 5.0  # times slower at the first call: not called again


class Unavailable(RuntimeError):
    """This way is not to be had here; the message says why."""


class Fastest(NamedTuple):
    """What was found."""

    name: str
    ms: dict[str, float]  # of one call, by name, of all that could be had
    unavailable: dict[str, str]  # why, by name, of the others

    def __str__(self) -> str:
        """What was found, and why."""
        told = [f"{name} {ms:.3g} ms" for name, ms in self.ms.items()]
        told += [f"{name} not to be had: {why}" for name, why in self.unavailable.items()]
        return f"{self.name}, as measured here: {', '.join(told)}"


def fastest(
    question: str, ways: Mapping[str, Callable[[], Callable[[], object]]], device: str = "cpu"
) -> Fastest:
    """The fastest way; the first, unless another is clearly faster.

    Args:
        question: what is asked, in words that are different for different work: the answer is
            remembered by them, the processor, PyTorch and the number of threads, unless the first
            way is not to be had, which may be mended.
        ways: by name: makes a call, or raises Unavailable.
        device: that the calls run on.

    Raises:
        Unavailable: none of the ways is to be had.
    """
    key = f"{question}, {device}, {torch.get_num_threads()} threads"
    answers = cache_dir() / f"fastest-{fingerprint()}.json"
    found = _read(answers).get(key)
    if found is None or found.name not in ways:
        found = _measure(ways, device)
        if next(iter(ways)) not in found.unavailable:
            _write(answers, key, found)
    return found


def _measure(ways: Mapping[str, Callable[[], Callable[[], object]]], device: str) -> Fastest:
    calls: dict[str, Callable[[], object]] = {}
    unavailable: dict[str, str] = {}
    for name, make in ways.items():
        try:
            calls[name] = make()
        except Unavailable as error:
            unavailable[name] = str(error)
    if not calls:
        raise Unavailable("; ".join(f"{name}: {why}" for name, why in unavailable.items()))
    seconds: dict[str, float] = {}
    for name, call in calls.items():
        seconds[name] = min(_time(call, device) for _ in range(2))
    least = min(seconds.values())
    calls = {name: call for name, call in calls.items() if seconds[name] < _HOPELESS * least}
    end = time.perf_counter() + _SECONDS
    for _ in range(_TURNS):
        for name, call in calls.items():  # in turns: a slow moment of the machine hits all
            seconds[name] = min(seconds[name], _time(call, device))
        if time.perf_counter() > end:
            break
    first = next(iter(seconds))
    best = min(seconds, key=seconds.__getitem__)
    name = best if seconds[first] > _MARGIN * seconds[best] else first
    return Fastest(name, {n: round(s * 1e3, 4) for n, s in seconds.items()}, unavailable)


def _time(call: Callable[[], object], device: str) -> float:
    _finish(device)
    started = time.perf_counter()
    call()
    _finish(device)
    return time.perf_counter() - started


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _read(path: Path) -> dict[str, Fastest]:
    """What is remembered; nothing where the file is missing or spoilt."""
    try:
        known: dict[str, Any] = json.loads(path.read_text())
        return {key: Fastest(str(n), dict(ms), dict(why)) for key, (n, ms, why) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(path: Path, key: str, found: Fastest) -> None:
    """Remember it; where nothing can be written it is measured again the next time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {**_read(path), key: found}
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(known, file, indent=1)
        Path(file.name).replace(path)
