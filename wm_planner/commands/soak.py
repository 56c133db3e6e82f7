"""The soak command: trials over ROS for a long time, and what the nodes hold of the machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.evaluation.records import Trial, write_json
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trials import trial_client
from wm_planner.process import Holdings, holdings
from wm_planner.statistics import percentile

_COLOURS = {"planner_node": "#0b7a75", "sim_node": "#c0562f"}


@dataclass(frozen=True)
class SoakConfig:
    """Run trials over ROS in real time, again and again, and watch both nodes.

    Attributes:
        task: name of the task.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        minutes: how long.
        seed: of the first trial; the others follow.
        out: folder for the picture, the logs and soak.json.
    """

    task: str = "grasp"
    model: str = ""
    minutes: float = 30.0
    seed: int = 5_000_000
    out: Path = Path("out/soak")

    def __post_init__(self) -> None:
        if not 0 < self.minutes <= 60 * 24 * 7:
            raise UserError(f"minutes is {self.minutes}, expected above 0 and at most a week")


class Sample(NamedTuple):
    """After one trial."""

    minutes: float
    success: bool
    plan_ms: float  # median of the trial
    command_ms: float  # frame to command, median of the trial
    command_ms_p95: float
    nodes: dict[str, Holdings]  # by process


def soak(config: SoakConfig) -> dict[str, Any]:
    """Run it; returns what soak.json holds. How flat it was is judged by comparing halves."""
    samples = list(_samples(config))
    result = summarise(samples)
    write_json(config.out / "soak.json", {**result, "samples": [_plain(s) for s in samples]})
    print(describe(result))
    try:
        print(f"picture  {draw(samples, config.out / 'soak.png')}")
    except ImportError:
        print("no picture: it needs matplotlib, pip install matplotlib")
    return result


def _samples(config: SoakConfig) -> Iterator[Sample]:
    trials = TrialsConfig(task=config.task, model=config.model, ros=True, lockstep=False)
    begun, seed = time.monotonic(), config.seed
    logs = Path(tempfile.mkdtemp(prefix="wm_planner_soak_"))
    with (
        trial_client(trials, logs) as client,
        tqdm(
            total=config.minutes, unit="min", bar_format="{l_bar}{bar}| {n:.1f}/{total} min"
        ) as bar,
    ):
        while (minutes := (time.monotonic() - begun) / 60) < config.minutes:
            trial = client.run_trial(seed, trials.label).trial
            seed += 1
            yield _sample(minutes, trial, client.processes)
            bar.update(min((time.monotonic() - begun) / 60, config.minutes) - bar.n)


def _sample(minutes: float, trial: Trial, processes: dict[str, int]) -> Sample:
    return Sample(
        minutes,
        trial.success,
        percentile(trial.plan_ms, 50),
        percentile(trial.frame_to_command_ms, 50),
        percentile(trial.frame_to_command_ms, 95),
        {name: holdings(pid) for name, pid in processes.items()},
    )


def summarise(samples: list[Sample]) -> dict[str, Any]:
    """Medians of the second quarter of the time beside those of the last."""
    if len(samples) < 8:
        raise UserError(f"{len(samples)} trials are too few to compare; soak for longer")
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    found: dict[str, Any] = {
        "minutes": round(samples[-1].minutes, 2),
        "trials": len(samples),
        "successes": sum(sample.success for sample in samples),
        "command_ms_p50": [_median(part, lambda s: s.command_ms) for part in (early, late)],
    }
    for name in samples[0].nodes:
        for field in Holdings._fields:
            found[f"{name}_{field}"] = [
                _median(part, lambda s, n=name, f=field: getattr(s.nodes[n], f))
                for part in (early, late)
            ]
    return found


def describe(result: dict[str, Any]) -> str:
    """A line for each quantity."""
    lines = [
        f"{result['successes']}/{result['trials']} trials in {result['minutes']:.1f} minutes",
        f"{'median of':30}  second quarter  last quarter",
    ]
    for name, value in result.items():
        if isinstance(value, list):
            lines.append(f"{name:30}  {value[0]:14.1f}  {value[1]:12.1f}")
    return "\n".join(lines)


def draw(samples: list[Sample], path: Path) -> Path:
    """Memory, threads, file handles and latency over the minutes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    panels = figure.subplots(2, 2)
    minutes = [sample.minutes for sample in samples]
    fields = ("memory_mb", "threads", "file_handles")
    titles = ("memory, MB", "threads", "file handles")
    for axes, field, title in zip(panels.flat, fields, titles, strict=False):
        for name in samples[0].nodes:
            values = [getattr(sample.nodes[name], field) for sample in samples]
            axes.plot(minutes, values, color=_COLOURS.get(name), label=name.replace("_", " "))
        axes.set_title(title)
        axes.set_ylim(bottom=0)
    latency = panels[1, 1]
    latency.plot(minutes, [s.command_ms_p95 for s in samples], color="#bbbbbb", label="p95")
    latency.plot(minutes, [s.command_ms for s in samples], color="#0b7a75", label="p50")
    latency.set_title("frame to command of each trial, ms")
    latency.set_yscale("log")
    for axes in panels.flat:
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
        axes.set_xlabel("minutes")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _median(samples: list[Sample], value: Any) -> float:
    return round(float(np.median([value(sample) for sample in samples])), 2)


def _plain(sample: Sample) -> dict[str, Any]:
    return {**sample._asdict(), "nodes": {k: v._asdict() for k, v in sample.nodes.items()}}
