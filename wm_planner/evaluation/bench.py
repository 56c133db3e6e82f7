"""How long every part takes on this machine, beside what its matrix products could reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from wm_planner.assembly import build_arm, build_pipeline
from wm_planner.control.kinematics import Kinematics
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.timing import gemm_peak, operations, time_ms
from wm_planner.paths import mjcf_dir, model_dir
from wm_planner.perception.images import observe
from wm_planner.planning import PlannerConfig, make_planner
from wm_planner.provenance import machine
from wm_planner.types import Latent
from wm_planner.world_models.store import LoadedModel, load_model


@dataclass(frozen=True)
class BenchConfig:
    """Time encoding, planning and commanding on this machine.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        device: cpu or cuda.
        threads: processor threads.
        repeats: timed calls of each part.
        json: write the result to this file as well.
    """

    model: str = "grasp"
    device: str = "cpu"
    threads: int = 1
    repeats: int = 50
    json: Path | None = None

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.threads < 1:
            raise UserError(f"repeats {self.repeats} and threads {self.threads} must be at least 1")


def bench(config: BenchConfig) -> None:
    """Print a table and write the JSON."""
    result = measure(config)
    print(_table(result))
    if config.json is not None:
        write_json(config.json, result)


@torch.inference_mode()
def measure(config: BenchConfig) -> dict:
    """All figures, as --json writes them."""
    torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)
    model = load_model(model_dir(config.model), config.device)
    c = model.config
    env = ManipulationEnv(EnvConfig(c.task, c.robot, c.cameras, c.image_size))
    frames, _ = env.reset(seed=0)
    budgets = {
        "shipped": PlannerConfig(),
        "tdmpc2 budget": PlannerConfig(samples=512, iterations=6, elites=64),
    }
    peak = gemm_peak(torch.float32, config.repeats, config.device)
    calls = _calls(config, model, env, frames)
    times = {
        name: time_ms(call, config.repeats, config.device)
        for name, call in tqdm(calls.items(), desc="bench", unit="part")
    }
    plans = {}
    for name, budget in tqdm(budgets.items(), desc="plan", unit="budget"):
        plans[name] = _plan(config, model, frames, budget, peak)
    env.close()
    return {
        "machine": {
            **machine(config.device),
            "threads": config.threads,
            "gemm_gflops_fp32": round(peak / 1e9, 1),
        },
        "budget": {
            n: {"samples": b.samples, "iterations": b.iterations, "horizon": b.horizon}
            for n, b in budgets.items()
        },
        "sizes": {"shipped": plans["shipped"]},
        "plans": plans,
        **{f"{name}_ms": value for name, value in times.items()},
    }


def _calls(
    config: BenchConfig, model: LoadedModel, env: ManipulationEnv, frames: dict
) -> dict[str, Callable[[], object]]:
    c = model.config
    pipeline = build_pipeline(model, PlannerConfig(), config.device)
    arm, joints = build_arm(c.robot), env.simulation.joint_state()
    arm.reset(joints)
    action = np.array([0.2, -0.2, -0.5, 1.0])
    kinematics = Kinematics(arm.config, mjcf_dir() / arm.config.mjcf)
    ahead = arm.goal + arm.config.action_step * action[:3]
    observation = observe(frames, frames["proprio"], c.cameras, c.image_size, config.device)

    def frame_to_command() -> None:
        plan = pipeline.think(frames, arm.proprioception(joints)).plan
        pipeline.act(plan, joints)

    return {
        "encode": lambda: model.world_model.encode(observation),
        "inverse_kinematics": lambda: kinematics.solve(joints.positions[:-1], ahead),
        "command": lambda: arm.to_command(action, joints),
        "frame_to_command": frame_to_command,
    }


def _plan(
    config: BenchConfig, model: LoadedModel, frames: dict, budget: PlannerConfig, peak: float
) -> dict:
    c = model.config
    observation = observe(frames, frames["proprio"], c.cameras, c.image_size, config.device)
    latent: Latent = model.world_model.encode(observation)
    generator = torch.Generator(config.device).manual_seed(0)
    figures: dict = {"ours_ms": {}}
    for name in ("mppi", "cem"):
        discounted = replace(budget, planner=name, discount=c.network.discount)
        planner = make_planner(model.world_model, model.world_model.action_space, discounted)

        def call(planner=planner) -> None:  # type: ignore[no-untyped-def]
            planner.plan(latent, None, generator)

        key = "eager" if name == "mppi" else "eager_cem"
        figures["ours_ms"][key] = time_ms(call, config.repeats, config.device)
        if name == "mppi":
            flop = operations(call)
    floor = flop / peak * 1e3
    samples = budget.samples * budget.iterations
    median = figures["ours_ms"]["eager"]["p50"]
    figures |= {
        "gflop": round(flop / 1e9, 3),
        "gemm_floor_ms": round(floor, 2),
        "gemm_share": round(floor / median, 3),
        "samples_per_second": round(samples / median * 1e3),
    }
    return figures


def _table(result: dict) -> str:
    lines = [f"{'':24s}{'p50':>9s}{'p95':>9s}{'p99':>9s}   ms"]
    rows = {k.removesuffix("_ms"): v for k, v in result.items() if k.endswith("_ms")}
    for name, plan in result["plans"].items():
        rows[f"plan, {name}"] = plan["ours_ms"]["eager"]
        rows[f"plan, {name}, cem"] = plan["ours_ms"]["eager_cem"]
    for name, times in rows.items():
        values = "".join(f"{times[q]:9.2f}" for q in ("p50", "p95", "p99"))
        lines.append(f"{name.replace('_', ' '):24s}{values}")
    for name, plan in result["plans"].items():
        lines.append(
            f"{name}: {plan['gflop']} GFLOP a plan, floor {plan['gemm_floor_ms']} ms at "
            f"{result['machine']['gemm_gflops_fp32']} GFLOP/s: {plan['gemm_share']:.0%} of it "
            f"reached, {plan['samples_per_second']} samples/s"
        )
    return "\n".join(lines)
