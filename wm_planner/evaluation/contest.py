"""Our planner and others on one world model, with one budget, timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.evaluation.peers import Contest, Plan
from wm_planner.interfaces import WorldModel
from wm_planner.planning import PlannerConfig, Readings, make_planner
from wm_planner.timing import interleaved_ms, median_ratio, operations, percentiles
from wm_planner.types import Latent, Situation
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel

_COMPILED = ", compiled"
_BACKENDS = {"eager": "eager", "fp32": "float32", "fastest": "auto"}


def contest(
    label: str,
    model: LatentModel,
    budget: PlannerConfig,
    peers: Mapping[str, Callable[[Contest, bool], Plan]],
    peaks: Mapping[str, float],
    repeats: int,
) -> dict[str, Any]:
    """Times, ratios, and shares of what matrix products reach.

    Args:
        label: for the progress bar.
        model: on the device to use.
        budget: what each planner imagines.
        peers: makers of other planners, eager and compiled; the better one counts.
        peaks: GFLOP/s of matrix products by dtype.
        repeats: how often each plans.
    """
    torch.compiler.reset()  # or it stops compiling after a few models with the same code
    device = model.device
    z = model.example().z
    goal = _goal(model)
    models = {name: with_backend(model, backend) for name, backend in _BACKENDS.items()}
    calls = {name: _ours(m, model, z, budget, goal) for name, m in models.items()}
    search = (budget.samples, budget.iterations, budget.horizon, budget.elites)
    common = Contest(model, z[0], *search, None if goal is None else goal[0])
    rivals, skipped = _rivals(common, peers, label)
    with tqdm(total=repeats, desc=f"plans, {label}", unit="turn") as progress:
        times = interleaved_ms({**calls, **rivals}, repeats, device.type, progress.update)
    medians = {name: percentiles(samples)["p50"] for name, samples in times.items()}
    best: dict[str, str] = {}  # of eager and compiled, by the peer's name
    for name in rivals:
        peer = name.removesuffix(_COMPILED)
        best[peer] = min(best.get(peer, name), name, key=medians.__getitem__)
    figures: dict[str, Any] = {
        "latent_size": model.latent_size,
        "horizon": budget.horizon,
        "ours_ms": {name: medians[name] for name in calls},
        "ours_percentiles_ms": {name: percentiles(times[name]) for name in calls},
        "peers_ms": {peer: medians[name] for peer, name in best.items()},
        "peers_compiled": {peer: name.endswith(_COMPILED) for peer, name in best.items()},
        "peers_skipped": skipped,
        **_shares(calls, models, model, budget, medians, peaks),
    }
    if best:
        fastest = min(best.values(), key=medians.__getitem__)
        figures["ratio_fp32"] = round(median_ratio(times[fastest], times["fp32"]), 3)
        figures["ratio_fastest"] = round(median_ratio(times[fastest], times["fastest"]), 3)
    return figures


def _goal(model: LatentModel) -> Tensor | None:
    """A latent (1, D) to go to, of other frames of noise, if the model knows no reward."""
    return None if family_of(model.config).rewards else model.example(2).z[1:]


def _ours(
    world_model: WorldModel,
    model: LatentModel,
    z: Tensor,
    budget: PlannerConfig,
    goal: Tensor | None,
) -> Plan:
    if goal is not None:
        budget = replace(budget, objectives={"goal_image": 1.0})
    readings = Readings(goal_features=model.goal_features)
    planner = make_planner(world_model, model.action_space, budget, readings=readings)
    situation = Situation(goal=None if goal is None else Latent(goal))
    generator = torch.Generator(z.device).manual_seed(0)
    latent, warm_start = Latent(z), torch.zeros(1, budget.horizon, model.config.action_size)
    warm_start = warm_start.to(z.device)

    def plan() -> object:
        with torch.inference_mode():
            return planner.plan(latent, warm_start, generator, situation)

    return plan


def _rivals(
    common: Contest, peers: Mapping[str, Callable[[Contest, bool], Plan]], label: str
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Ready to plan, eager and compiled; and why others are not."""
    rivals: dict[str, Plan] = {}
    skipped: dict[str, str] = {}
    candidates = [(name, compiled) for name in peers for compiled in (False, True)]
    for name, compiled in tqdm(candidates, desc=f"peers, {label}", unit="peer"):
        try:
            with torch.no_grad():
                plan = peers[name](common, compiled)
                plan()
        except Exception as error:  # theirs, of any kind: named, and the others are timed
            skipped.setdefault(name, f"{type(error).__name__}: {str(error).splitlines()[0][:120]}")
            continue
        rivals[name + _COMPILED if compiled else name] = _without_gradients(plan)
    return rivals, {k: v for k, v in skipped.items() if k not in rivals}


def _without_gradients(plan: Plan) -> Plan:
    def call() -> object:
        with torch.no_grad():
            return plan()

    return call


def _shares(
    calls: Mapping[str, Plan],
    models: Mapping[str, WorldModel],
    model: LatentModel,
    budget: PlannerConfig,
    medians: Mapping[str, float],
    peaks: Mapping[str, float],
) -> dict[str, Any]:
    """Operations that are executed, and the time that matrix products alone would take."""
    eager = operations(calls["eager"])
    # Compiled, the first layer sees a latent once, not once for each candidate.
    rollouts = budget.iterations * (budget.samples - 1)
    avoided = 2 * model.latent_size * model.config.hidden_size * rollouts
    gflop, floors = {}, {}
    for name, world_model in models.items():
        compiled = world_model is not model
        dtype = str(getattr(world_model, "dtype", torch.float32)).removeprefix("torch.")
        gflop[name] = round((eager - avoided * compiled) / 1e9, 3)
        floors[name] = round(gflop[name] / peaks[dtype] * 1e3, 2)
    return {
        "gflop": gflop,
        "gemm_floor_ms": floors,
        "gemm_share": {name: round(floors[name] / medians[name], 3) for name in floors},
        "samples_per_second": round(budget.samples * budget.iterations / medians["fastest"] * 1e3),
    }
