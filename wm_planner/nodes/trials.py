"""Trials on a simulation node and a planner node, as two processes over DDS."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from wm_planner.errors import UserError
from wm_planner.evaluation.trials import SCRIPTED, Trial, TrialsConfig
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.processes import ros_environment, simulation_and_planner
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import read_config

_TAIL = 5  # lines of a dead node's log to show


def run_over_ros(config: TrialsConfig) -> Iterator[Trial]:
    """Trials one at a time, in the order of their seeds."""
    if config.planner == SCRIPTED:
        raise UserError("the scripted expert is no node; run it without --ros")
    logs = Path(tempfile.mkdtemp(prefix="wm_planner_logs_"))
    with trial_client(config, logs) as client:
        for seed in range(config.seed, config.seed + config.trials):
            yield client.run_trial(seed).trial


@contextmanager
def trial_client(config: TrialsConfig, logs: Path) -> Iterator[TrialClient]:
    """Start both nodes in a DDS domain of their own and bring the planner up."""
    domain_id = 1 + os.getpid() % 100
    os.environ.update(ros_environment(domain_id))
    model = read_config(model_dir(config.model_name) / "config.yaml")
    simulation = {
        "task": config.task,
        "robot": model.robot,
        "cameras": list(model.cameras),
        "image_size": model.image_size,
        "lockstep": config.lockstep,
    }
    with simulation_and_planner(logs, domain_id, simulation, _planner(config)) as processes:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        client = TrialClient(_all_alive(processes, logs))
        try:
            client.configure_and_activate()
            yield client
        finally:
            client.close()
            rclpy.shutdown()


def _planner(config: TrialsConfig) -> dict[str, object]:
    known = {parameter.name for parameter in PARAMETERS}
    search = config.planner_config
    found = {f.name: getattr(search, f.name) for f in fields(PlannerConfig) if f.name in known}
    model = model_dir(config.model_name).resolve()
    return {**found, "model": model, "device": config.device, "lockstep": config.lockstep}


def _all_alive(processes: Mapping[str, subprocess.Popen], logs: Path) -> Callable[[], None]:
    def check() -> None:
        for name, process in processes.items():
            if process.poll() is not None:
                log = logs / f"{name}.log"
                tail = " | ".join(log.read_text().splitlines()[-_TAIL:])
                raise UserError(f"{name} ended with code {process.returncode}: {tail} (see {log})")

    return check
