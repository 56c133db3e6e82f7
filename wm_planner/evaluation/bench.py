"""How long every part takes on this machine, beside what it could reach and what others take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from wm_planner.assembly import build_arm, build_pipeline, give_any_task
from wm_planner.control.kinematics import Kinematics
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation.contest import contest
from wm_planner.evaluation.peers import PEERS
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.scaling import draw_scaling, measure_scaling
from wm_planner.paths import model_dir
from wm_planner.perception.images import observe
from wm_planner.planning import PlannerConfig
from wm_planner.process import resident_mb
from wm_planner.processor import configure_torch
from wm_planner.provenance import machine
from wm_planner.timing import gemm_peak, time_ms
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.store import LoadedModel, load_model

_BUDGET = PlannerConfig(samples=512, iterations=6, horizon=3, elites=64)  # TD-MPC2's
_LONG_HORIZON = 5
_MEMORY_PLANS = 50  # for each repeat


@dataclass(frozen=True)
class BenchConfig:
    """Time encoding, planning and commanding on this machine, and other planners beside ours.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        device: cpu or cuda.
        threads: processor threads; 0 for all cores.
        repeats: timed calls of each part.
        peers: also time other planners, those of `pip install .[bench]` that are there.
        large: also time a model of TD-MPC2's size, with random weights.
        scaling: also time over samples, horizon, batch, latent size and threads.
        picture: draw the scaling into this file (PNG or SVG).
        json: write the result to this file as well.
    """

    model: str = "grasp"
    device: str = "cpu"
    threads: int = 0
    repeats: int = 20
    peers: bool = True
    large: bool = True
    scaling: bool = False
    picture: Path | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise UserError(f"repeats {self.repeats} must be at least 1")
        if self.threads < 0:
            raise UserError(f"threads {self.threads} must be at least 1, or 0 for all cores")


def bench(config: BenchConfig) -> None:
    """Print a table and write the JSON."""
    result = measure(config)
    print(_table(result))
    if config.json is not None:
        write_json(config.json, result)
    if config.picture is not None:
        draw_scaling(result["scaling"], config.picture)


def measure(config: BenchConfig) -> dict[str, Any]:
    """All figures, as --json writes them."""
    configure_torch(config.threads or torch.get_num_threads())
    model = load_model(model_dir(config.model), config.device)
    shipped = model.world_model
    peaks = {
        dtype: gemm_peak(getattr(torch, dtype), 50, config.device) / 1e9
        for dtype in ("float32", "bfloat16")
    }
    parts = _parts(config, model)
    networks = {"shipped": shipped}
    if config.large and (enlarged := _as_large_as_tdmpc2(shipped, config.device)):
        networks["tdmpc2"] = enlarged
    peers = PEERS if config.peers else {}
    sizes = {}
    for name, network in networks.items():
        for horizon in (_BUDGET.horizon, _LONG_HORIZON):
            budget = replace(_BUDGET, horizon=horizon)
            label = name if horizon == _BUDGET.horizon else f"{name}_h{horizon}"
            sizes[label] = contest(label, network, budget, peers, peaks, config.repeats)
    result: dict[str, Any] = {
        "machine": {
            **machine(config.device),
            "threads": torch.get_num_threads(),
            "gemm_gflops": {dtype: round(peak, 1) for dtype, peak in peaks.items()},
        },
        "budget": {k: getattr(_BUDGET, k) for k in ("samples", "iterations", "horizon", "elites")},
        "sizes": sizes,
        **{f"{name}_ms": times for name, times in parts.items()},
        "memory_mb": _memory(config, model),
    }
    if config.scaling or config.picture is not None:
        result["scaling"] = measure_scaling(shipped, config.repeats, config.device)
    return result


def _as_large_as_tdmpc2(like: LatentModel, device: str) -> LatentModel | None:
    """A model of TD-MPC2's size with random weights, where the family has sizes like that."""
    family = family_of(like.config)
    if family.enlarged is None:
        return None
    config = family.enlarged(like.config, 512, value_members=5, bins=101)
    return family.build(config).to(device).eval().requires_grad_(False)


def _parts(config: BenchConfig, model: LoadedModel) -> dict[str, dict[str, float]]:
    """Percentiles of what happens between a frame and a command."""
    c = model.config
    env = ManipulationEnv(EnvConfig(c.task, c.robot, c.cameras, c.image_size))
    frames, _ = env.reset(seed=0)
    joints = env.simulation.joint_state()
    env.close()
    calls = _calls(config, model, frames, joints)
    with torch.inference_mode():
        return {
            name: time_ms(call, max(50, config.repeats), config.device)
            for name, call in tqdm(calls.items(), desc="parts", unit="part")
        }


def _calls(
    config: BenchConfig, model: LoadedModel, frames: dict, joints: Any
) -> dict[str, Callable[[], object]]:
    c = model.config
    pipeline = build_pipeline(model, PlannerConfig(), config.device)
    arm = build_arm(c.robot)
    arm.reset(joints)
    action = np.array([0.2, -0.2, -0.5, 1.0])
    kinematics = Kinematics(arm.config, arm.config.mjcf_path)
    ahead = arm.goal + arm.config.action_step * action[:3]
    observation = observe(frames, frames["proprio"], c.cameras, c.image_size, config.device)
    observation = observation._replace(instruction=model.world_model.any_words())
    give_any_task(pipeline, {camera: frames[camera] for camera in c.cameras})
    plan = pipeline.think(frames, frames["proprio"]).plan

    def frame_to_command() -> None:
        plan = pipeline.think(frames, arm.proprioception(joints)).plan
        pipeline.act(plan, joints)

    return {
        "encode": lambda: model.world_model.encode(observation),
        "plan": lambda: pipeline.think(frames, frames["proprio"]),
        "inverse_kinematics": lambda: kinematics.solve(joints.positions[:-1], ahead),
        "command": lambda: pipeline.act(plan, joints),
        "frame_to_command": frame_to_command,
    }


def _memory(config: BenchConfig, model: LoadedModel) -> dict[str, float]:
    """Resident memory of the process before and after many plans, in MB."""
    c = model.config
    pipeline = build_pipeline(model, PlannerConfig(), config.device)
    frames = {name: np.zeros((c.image_size, c.image_size, 3), np.uint8) for name in c.cameras}
    proprio = np.zeros(c.proprio_size, np.float32)
    give_any_task(pipeline, frames)
    for _ in range(50):
        pipeline.think(frames, proprio)
    before = resident_mb()
    plans = _MEMORY_PLANS * config.repeats
    for _ in tqdm(range(plans), desc="memory", unit="plan"):
        pipeline.think(frames, proprio)
    return {"plans": plans, "before": before, "after": resident_mb()}


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'milliseconds':34s}{'p50':>9s}{'p95':>9s}{'p99':>9s}"]
    for key, times in result.items():
        if key.endswith("_ms"):
            lines.append(_row(key.removesuffix("_ms").replace("_", " "), times))
    b = result["budget"]
    lines.append(f"\nplans of {b['samples']} samples x {b['iterations']} iterations")
    for label, size in result["sizes"].items():
        lines.append(f"{label}: latent {size['latent_size']}, horizon {size['horizon']}")
        for name, times in size["ours_percentiles_ms"].items():
            share = size["gemm_share"].get(name)
            told = f"   {share:.0%} of the GEMM floor, {size['gflop'][name]} GFLOP" if share else ""
            lines.append(_row(f"  ours, {name}", times) + told)
        for name, ms in size["peers_ms"].items():
            lines.append(f"  {name:32s}{ms:9.2f}")
        for name, why in size["peers_skipped"].items():
            lines.append(f"  {name:32s}not timed: {why}")
        if any("ModuleNotFound" in why for why in size["peers_skipped"].values()):
            lines.append("  (pip install '.[bench]' brings them)")
        if size["peers_ms"]:
            lines.append(
                f"  the fastest peer takes {size['ratio_fp32']:.2f} x our float32, "
                f"{size['ratio_fastest']:.2f} x our fastest"
            )
    memory = result["memory_mb"]
    lines.append(
        f"\nmemory before and after {memory['plans']} plans: {memory['before']:.1f} and "
        f"{memory['after']:.1f} MB"
    )
    return "\n".join(lines)


def _row(name: str, times: dict[str, float]) -> str:
    return f"{name:34s}" + "".join(f"{times[q]:9.2f}" for q in ("p50", "p95", "p99"))
