"""How the time of a plan grows with its size; and the process's memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.planning import PlannerConfig, make_planner
from wm_planner.timing import time_ms
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel

_BASE = PlannerConfig(samples=512, iterations=1, horizon=3, elites=64)
_SAMPLES = (256, 512, 1024, 2048, 4096, 8192, 16384)
_HORIZONS = (1, 2, 3, 5, 10)
_BATCHES = (1, 2, 4, 8, 16, 32, 64)
_LATENTS = (128, 256, 512, 1024)
_GROWTH = {"samples": 1, "horizon": 1, "batch": 1, "latent_size": 2, "threads": -1}
"""Power of each size that the number of operations, a thread, grows with."""


def measure_scaling(model: LatentModel, repeats: int, device: str) -> dict[str, Any]:
    """Median ms of one iteration of 512 samples x horizon 3, one of its sizes changed at a time."""
    cores = torch.get_num_threads()
    jobs: list[tuple[str, int, LatentModel, PlannerConfig, int, int]] = []
    for n in _SAMPLES:
        jobs.append(("samples", n, model, replace(_BASE, samples=n), 1, cores))
    for h in _HORIZONS:
        jobs.append(("horizon", h, model, replace(_BASE, horizon=h), 1, cores))
    for b in _BATCHES:
        jobs.append(("batch", b, model, replace(_BASE, samples=128, elites=32), b, cores))
    family = family_of(model.config)
    for d in _LATENTS if family.enlarged else ():
        assert family.enlarged is not None
        network = family.build(family.enlarged(model.config, d))
        network.to(device).eval().requires_grad_(False)
        jobs.append(("latent_size", d, network, _BASE, 1, cores))
    for t in sorted({1, 2, cores // 2, cores} - {0}):
        jobs.append(("threads", t, model, _BASE, 1, t))
    found: dict[str, Any] = {}
    for name, value, network, plan, batch, threads in tqdm(jobs, desc="scaling", unit="size"):
        torch.set_num_threads(threads)
        times = _times(network, plan, batch, max(10, repeats), device)
        found.setdefault(name, {})[str(value)] = times["p50"]
    torch.set_num_threads(cores)
    samples = found["samples"]
    found["ms_a_sample_16384_over_256"] = round(samples["16384"] / samples["256"] * 256 / 16384, 3)
    return found


@torch.inference_mode()
def _times(
    model: LatentModel, config: PlannerConfig, batch: int, repeats: int, device: str
) -> dict[str, float]:
    planner = make_planner(with_backend(model, "auto"), model.action_space, config)
    latent = model.example(batch)
    generator = torch.Generator(device).manual_seed(0)
    return time_ms(lambda: planner.plan(latent, None, generator), repeats, device)


def draw_scaling(scaling: dict[str, Any], path: Path) -> None:
    """A panel for each size, doubly logarithmic; dashed, in proportion to the operations."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("a picture needs matplotlib: pip install '.[bench]'") from error
    panels = {name: times for name, times in scaling.items() if isinstance(times, dict)}
    figure = Figure(figsize=(2.9 * len(panels), 2.9), layout="constrained")
    for axes, (name, times) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        x, y = [int(value) for value in times], list(times.values())
        axes.loglog(x, y, "o-", color="#0b7a75", base=2)
        ideal = [y[-1] * (value / x[-1]) ** _GROWTH[name] for value in x]
        axes.loglog(x, ideal, "--", color="#999999", base=2)
        axes.set_title(name.replace("_", " "))
        axes.set_xticks(x, map(str, x), rotation=45)
        axes.set_yticks(ticks := _powers(y), [f"{tick:g}" for tick in ticks])
        axes.grid(alpha=0.3)
        axes.minorticks_off()
    figure.supylabel("ms an iteration")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _powers(values: Iterable[float]) -> list[float]:
    """Powers of two around `values`."""
    ordered = sorted(values)
    ticks = [2.0**i for i in range(-6, 16)]
    inside = [tick for tick in ticks if ordered[0] / 2 < tick < ordered[-1] * 2]
    return inside[:: max(1, len(inside) // 6)]
