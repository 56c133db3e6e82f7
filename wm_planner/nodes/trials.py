"""Trials on a simulation node and a planner node over DDS."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import rclpy
from rclpy.signals import SignalHandlerOptions

from wm_planner.errors import UserError
from wm_planner.evaluation.records import Trial
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.evaluation.video import Video, film_strip, paced, write_picture
from wm_planner.nodes.processes import ros_environment, simulation_and_planner
from wm_planner.nodes.recorder import Recorder
from wm_planner.nodes.search_parameters import of_planner
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.paths import model_dir
from wm_planner.world_models.store import read_config

_TAIL = 5  # lines of a dead node's log to show


def run_over_ros(config: TrialsConfig, missing: dict[str, list[int]]) -> Iterator[Trial]:
    """Trials one at a time; `missing` has the seeds that each planner, by label, is to run."""
    for label, seeds in missing.items():
        logs = Path(tempfile.mkdtemp(prefix="wm_planner_logs_"))
        with trial_client(config, logs, label) as client:
            if config.out is not None:
                client.watch_imagination()
            for seed in seeds:
                yield _run_one(config, client, label, seed)


def _run_one(config: TrialsConfig, client: TrialClient, label: str, seed: int) -> Trial:
    """One trial, with the pictures and the recording that are wanted of it."""
    if config.out is None:
        return client.run_trial(seed, label, config.time_limit).trial
    name = f"{label.replace(' ', '_')}_{seed}"
    bag = f"bags/{name}" if config.record else ""
    if bag:
        shutil.rmtree(config.out / bag, ignore_errors=True)  # of a trial that was killed
    with Recorder(client.node, config.out / bag) if bag else nullcontext():
        trial, _, pictures, times = client.run_trial(seed, label, config.time_limit)
    strip = f"strips/{name}.png" if pictures and not trial.success else ""
    if strip:
        write_picture(config.out / strip, film_strip(pictures, times))
    video = f"videos/{name}.mp4" if pictures and config.video else ""
    if video:
        with Video(config.out / video, client.rate_hz) as writer:
            for frame in paced(pictures, times, client.rate_hz):
                writer.write(frame)
    return trial._replace(strip=strip, video=video, bag=bag)


class NodeParameters(NamedTuple):
    """What both nodes are started with."""

    simulation: dict[str, Any]
    planner: dict[str, Any]


def node_parameters(config: TrialsConfig, label: str = "") -> NodeParameters:
    """Parameters of the nodes for these trials, with the planner of this label."""
    model = read_config(model_dir(config.model_name) / "config.yaml")
    simulation = {
        "task": config.task,
        "robot": model.robot,
        "cameras": list(model.cameras),
        "image_size": model.image_size,
        "lockstep": config.lockstep,
        "instruction": config.instruction,
        **_nested("randomization", config.randomization),
        **_nested("disturbances", config.disturbances),
    }
    search = config.contestants[label or config.label]
    found = of_planner(search)
    if not search.max_surprise:
        del found["max_surprise"]  # as the node has it
    folder = str(model_dir(config.model_name).resolve())
    planner = {**found, "model": folder, "device": config.device, "lockstep": config.lockstep}
    return NodeParameters(simulation, planner)


def _nested(group: str, values: Any) -> dict[str, Any]:
    """Parameters of the simulation node from a dataclass."""
    return {f"{group}.{k}": list(v) if isinstance(v, tuple) else v for k, v in vars(values).items()}


@contextmanager
def trial_client(config: TrialsConfig, logs: Path, label: str = "") -> Iterator[TrialClient]:
    """Both nodes, with the planner `label` up: as they run, or started in a domain of their own."""
    parameters = node_parameters(config, label)
    rate_hz = read_config(model_dir(config.model_name) / "config.yaml").control_rate_hz
    if config.attach:
        with _client(rate_hz) as client:
            client.check_parameters("/sim", parameters.simulation)
            client.check_parameters("/wm_planner", parameters.planner)
            client.configure_and_activate()
            yield client
        return
    domain_id = 1 + os.getpid() % 100
    os.environ.update(ros_environment(domain_id))
    with (
        simulation_and_planner(logs, domain_id, *parameters) as processes,
        _client(rate_hz, _all_alive(processes, logs), processes) as client,
    ):
        client.configure_and_activate()
        yield client


@contextmanager
def _client(
    rate_hz: float,
    alive: Callable[[], None] = lambda: None,
    processes: Mapping[str, subprocess.Popen] | None = None,
) -> Iterator[TrialClient]:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    pids = {name: process.pid for name, process in (processes or {}).items()}
    client = TrialClient(rate_hz, alive, pids)
    try:
        yield client
    finally:
        client.close()
        rclpy.shutdown()


def _all_alive(processes: Mapping[str, subprocess.Popen], logs: Path) -> Callable[[], None]:
    def check() -> None:
        for name, process in processes.items():
            if process.poll() is not None:
                log = logs / f"{name}.log"
                tail = " | ".join(log.read_text().splitlines()[-_TAIL:])
                raise UserError(f"{name} ended with code {process.returncode}: {tail} (see {log})")

    return check
