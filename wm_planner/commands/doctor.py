"""What this machine can do: which code is fast on it, what a plan takes, and what is missing."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from wm_planner.assembly import UNSHAKEN, build_pipeline, plan_times_ms
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.learning.precision import training_dtype
from wm_planner.learning.speed import updates_per_second
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.planning.budget import Budget
from wm_planner.processor import configure_torch
from wm_planner.provenance import machine
from wm_planner.timing import percentiles
from wm_planner.world_models.backend import measure_backends
from wm_planner.world_models.store import LoadedModel, check_device, load_model, read_config

_RENDERED = 50  # frames of each camera
_PLANS = 50
_SEED = 5_000_000
_SHARED_MB = 64  # that DDS wants of /dev/shm
_ALWAYS = (  # keys of the JSON that are null where they could not be found out
    "precision", "updates_per_s", "backend", "plan_ms", "budget", "frame_to_command_ms",
)  # fmt: skip


@dataclass(frozen=True)
class DoctorConfig:
    """Say what this machine can do; the exit code is 1 when the demo would not hold its rate.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        device: cpu or cuda.
        trials: of the demo, in real time on two ROS 2 nodes; what they take is the verdict.
        json: write the result to this file as well.
    """

    model: str = "grasp"
    device: str = "cpu"
    trials: int = 2
    json: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= 1000:
            raise UserError(f"trials is {self.trials}, expected 1 to 1000")


def doctor(config: DoctorConfig) -> int:
    """Examine, print, and write the JSON."""
    found = examine(config)
    print(_report(found))
    if config.json is not None:
        write_json(config.json, {**dict.fromkeys(_ALWAYS), **found})
    return 0 if found["holds_rate"] else 1


def examine(config: DoctorConfig) -> dict[str, Any]:
    """All findings, as --json writes them."""
    configure_torch()  # as the node and the training do by default
    device = check_device(config.device)
    model = load_model(model_dir(config.model), config.device)
    found: dict[str, Any] = {**machine(config.device), **_cores(), "missing": _missing()}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "training": lambda: _training(model, device),
        "imagining": lambda: _imagining(model, config.device),
        "rendering": lambda: _rendering(model),
        "DDS": _dds,
        "the demo": lambda: _demo(config),
    }
    with tqdm(total=len(parts), unit="part") as bar:
        for name, examine_part in parts.items():
            bar.set_description(name)
            try:
                found |= examine_part()
            except Exception as error:  # whatever is wrong with a part, the others are told
                first = (str(error).splitlines() or [type(error).__name__])[0]
                found["missing"][name] = f"does not work: {first}"
            bar.update()
    period = 1e3 / model.config.control_rate_hz
    taken = found.get("frame_to_command_ms")
    found["period_ms"] = period
    found["holds_rate"] = taken is not None and taken["p95"] <= period
    return found


def _cores() -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0))
    return {"cores": cores, "cores_free": round(max(0.0, cores - os.getloadavg()[0]), 1)}


def _missing() -> dict[str, str]:
    """What there is not, and how to get it."""
    found = {}
    if shutil.which(os.environ.get("CXX") or "c++") is None:
        found["C++ compiler"] = "imagining is slower without: apt install g++"
    with suppress(OSError):  # only Linux has it
        if shutil.disk_usage("/dev/shm").free < _SHARED_MB * 2**20:
            found["shared memory"] = (
                f"DDS loses camera frames with less than {_SHARED_MB} MB: "
                "mount -o remount,size=256M /dev/shm"
            )
    for module, way in {
        "rclpy": "source your ROS 2, or pip install -r requirements.txt",
        "mujoco": "pip install -r requirements.txt",
    }.items():
        try:
            import_module(module)
        except ImportError as error:
            found[module] = f"{way} ({error})"
    return found


def _training(model: LoadedModel, device: torch.device) -> dict[str, Any]:
    dtype = training_dtype("auto", device)
    return {
        "precision": str(dtype).removeprefix("torch."),
        "updates_per_s": round(updates_per_second(model.config.network, dtype, device), 2),
    }


def _imagining(model: LoadedModel, device: str) -> dict[str, Any]:
    measured = measure_backends(model.world_model)
    pipeline = build_pipeline(model, PlannerConfig(max_surprise=UNSHAKEN), device)
    times = plan_times_ms(pipeline, model.config, _PLANS)
    return {
        "backend": measured.name,
        "backends_ms": measured.ms,
        "backends_unavailable": measured.unavailable,
        "plan_ms": percentiles(times),
        "plans_per_s": round(1e3 / median(times), 1),
    }


def _rendering(model: LoadedModel) -> dict[str, Any]:
    c = model.config
    env = ManipulationEnv(EnvConfig(c.task, c.robot, c.cameras, c.image_size))
    env.reset(seed=0)
    started = time.perf_counter()
    for _ in range(_RENDERED):
        env.simulation.frames()
    seconds = time.perf_counter() - started
    renderer = _renderer()
    env.close()
    return {"gl": renderer, "frames_per_s": round(_RENDERED * len(c.cameras) / seconds)}


def _renderer() -> str:
    """Who draws, of the OpenGL context that was used last."""
    from OpenGL import GL

    name = GL.glGetString(GL.GL_RENDERER)
    return f"{os.environ.get('MUJOCO_GL', 'default')}: {name.decode() if name else 'unknown'}"


def _dds() -> dict[str, Any]:
    from wm_planner.nodes.middleware import middleware  # rclpy only where it is needed

    return {"dds": middleware()}


def _demo(config: DoctorConfig) -> dict[str, Any]:
    """What `wm_planner demo` does, without its pictures: simulation and planner in real time."""
    from wm_planner.nodes.trials import trial_client

    trials = TrialsConfig(
        task=read_config(model_dir(config.model) / "config.yaml").task,
        model=config.model,
        device=config.device,
        ros=True,
        lockstep=False,
        search=PlannerConfig(budget="auto"),
    )
    times: list[float] = []
    successes = 0
    with tempfile.TemporaryDirectory() as logs, trial_client(trials, Path(logs)) as client:
        for seed in range(_SEED, _SEED + config.trials):
            trial = client.run_trial(seed).trial
            times += trial.frame_to_command_ms
            successes += trial.success
        budget = client.budget
    return {
        "budget": budget._asdict() if budget else None,
        "frame_to_command_ms": percentiles(times),
        "demo": {"trials": config.trials, "successes": successes},
    }


def _report(found: dict[str, Any]) -> str:
    """For people: a line for each finding that there is."""
    lines = []
    for name, tell in _LINES.items():
        with suppress(KeyError):
            lines.append(f"{name:18s}{tell(found)}")
    lines += [f"{'missing':18s}{name}: {why}" for name, why in found["missing"].items()]
    verdict = "holds" if found["holds_rate"] else "would NOT hold"
    rate = f"{1e3 / found['period_ms']:g} plans a second"
    return "\n".join([*lines, "", f"The demo {verdict} its rate of {rate} on this machine."])


def _milliseconds(times: dict[str, float]) -> str:
    return f"p50 {times['p50']:.1f} ms, p95 {times['p95']:.1f} ms"


_LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    "processor": lambda f: f"{f['processor']}, class {f['class']}, PyTorch {f['torch']}",
    "cores": lambda f: f"{f['cores']}, of which {f['cores_free']} idle",
    "training": lambda f: f"in {f['precision']}, {f['updates_per_s']} updates/s on one thread",
    "imagining": lambda f: (
        f"{f['backend']}; a rollout takes "
        + ", ".join(f"{ms:.1f} ms by {name}" for name, ms in f["backends_ms"].items())
    ),
    "not to be had": lambda f: (
        "; ".join(f"{name}: {why}" for name, why in f["backends_unavailable"].items()) or "nothing"
    ),
    "plan": lambda f: f"{_milliseconds(f['plan_ms'])}, {f['plans_per_s']} a second",
    "rendering": lambda f: f"{f['frames_per_s']} frames/s by {f['gl']}",
    "DDS": lambda f: (
        f"{f['dds']['implementation']}, {f['dds']['shared_memory_mb']} MB of shared memory free"
    ),
    "budget": lambda f: str(Budget(**f["budget"])),
    "frame to command": lambda f: (
        f"{_milliseconds(f['frame_to_command_ms'])} in the demo, "
        f"{f['demo']['successes']} of {f['demo']['trials']} trials succeeded"
    ),
}
