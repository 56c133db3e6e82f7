"""Times calls, and what the machine could do at best."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from wm_planner.statistics import percentile

_GEMM = 512  # rows and columns of the products that measure the peak
_WARM_UP = 3  # calls that do not count
_PATIENCE = 2.0  # s


def time_ms(call: Callable[[], Any], repeats: int, device: str = "cpu") -> dict[str, float]:
    """Percentiles of the wall time of `call`, after three calls that do not count."""
    return percentiles(interleaved_ms({"": call}, repeats, device)[""])


def interleaved_ms(
    calls: Mapping[str, Callable[[], Any]],
    repeats: int,
    device: str = "cpu",
    tick: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Wall times of each call, taken in turns, so that a slow moment of the machine hits all.

    `tick` is called after each turn.
    """
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            _wait(device)
            started = time.perf_counter()
            call()
            _wait(device)
            samples[name].append((time.perf_counter() - started) * 1e3)
        tick()
    return samples


def percentiles(samples: list[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    return {f"p{q}": round(percentile(samples, q), 3) for q in (50, 95, 99)}


def median_ratio(slower: list[float], faster: list[float]) -> float:
    """Median of how many times longer the one took than the other, pair by pair."""
    return percentile([a / b for a, b in zip(slower, faster, strict=True)], 50)


def gemm_peak(dtype: torch.dtype, repeats: int, device: str = "cpu") -> float:
    """Floating-point operations a second of 512-wide matrix products, best of `repeats`.

    Fewer where they are so slow that it would take longer than two seconds.
    """
    a = torch.randn(_GEMM, _GEMM, device=device).to(dtype)
    times: list[float] = []
    while len(times) < max(10, repeats) and 4 * sum(times) < _PATIENCE:
        _wait(device)
        started = time.perf_counter()
        for _ in range(4):
            a @ a
        _wait(device)
        times.append((time.perf_counter() - started) / 4)
    return 2 * _GEMM**3 / min(times)


def operations(call: Callable[[], Any]) -> int:
    """Floating-point operations of the matrix products and convolutions that `call` executes."""
    counter = FlopCounterMode(display=False)
    with counter:
        call()
    return counter.get_total_flops()


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
