"""Starts simulation and planner as two processes, as `ros2 launch` would, without needing it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wm_planner.paths import config_dir

_PATIENCE = 10.0  # s a process gets to end after SIGINT


def ros_environment(domain_id: int) -> dict[str, str]:
    """Variables of a DDS domain of its own on this machine, with room for camera frames."""
    return {
        "ROS_DOMAIN_ID": str(domain_id),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "FASTDDS_DEFAULT_PROFILES_FILE": str(config_dir() / "fastdds.xml"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "MUJOCO_GL": os.environ.get("MUJOCO_GL", "egl"),
    }


@contextmanager
def simulation_and_planner(
    logs: Path,
    domain_id: int,
    simulation: Mapping[str, Any],
    planner: Mapping[str, Any],
) -> Iterator[dict[str, subprocess.Popen]]:
    """Both nodes as processes with these parameters; they end with the block.

    Logs go to <logs>/sim_node.log and <logs>/planner_node.log.
    """
    logs.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **ros_environment(domain_id)}
    remaps = [
        "commands:=wm_planner/commands",
        "joint_trajectory:=wm_planner/joint_trajectory",
    ]
    processes: dict[str, subprocess.Popen] = {}
    try:
        for name, parameters, renamed in (
            ("sim_node", simulation, remaps),
            ("planner_node", {**planner, "use_sim_time": True}, []),
        ):
            with (logs / f"{name}.log").open("w") as log:
                processes[name] = subprocess.Popen(
                    _command(name, parameters, renamed),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,  # Ctrl-C reaches this process, which ends them in order
                )
        yield processes
    finally:
        for process in reversed(processes.values()):
            _end(process)


def _command(name: str, parameters: Mapping[str, Any], remaps: list[str]) -> list[str]:
    command = [sys.executable, "-m", f"wm_planner.nodes.{name}", "--ros-args"]
    for key, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        command += ["-p", f"{key}:={text}"]
    for remap in remaps:
        command += ["-r", remap]
    return command


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
