"""Starts nodes as processes, as `ros2 launch` would, without needing it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wm_planner.paths import config_dir

_PR_SET_PDEATHSIG = 1  # prctl(2)
_PATIENCE = 10.0  # s a process gets to end after SIGINT
TO_PLANNER = {  # names of what a simulation hears and says: those of the planner
    "commands": "wm_planner/commands",
    "joint_trajectory": "wm_planner/joint_trajectory",
    "instruction": "wm_planner/instruction",
}


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
    processes: dict[str, subprocess.Popen] = {}
    environment = ros_environment(domain_id)
    planner = {**planner, "use_sim_time": True}
    try:
        processes["sim_node"] = start_node(
            "wm_planner.nodes.sim_node", logs, environment, simulation, TO_PLANNER
        )
        processes["planner_node"] = start_node(
            "wm_planner.nodes.planner_node", logs, environment, planner
        )
        yield processes
    finally:
        for process in reversed(processes.values()):
            end_node(process)


def start_node(
    module: str,
    logs: Path,
    environment: Mapping[str, str],
    parameters: Mapping[str, Any],
    remaps: Mapping[str, str] | None = None,
) -> subprocess.Popen:
    """A node's module as a process; its log is appended to <logs>/<last part of the module>.log."""
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, "--ros-args"]
    for key, value in parameters.items():
        text = json.dumps(value) if isinstance(value, (bool, str)) else str(value)  # as YAML
        command += ["-p", f"{key}:={text}"]
    for old, new in (remaps or {}).items():
        command += ["-r", f"{old}:={new}"]
    with (logs / f"{module.rpartition('.')[2]}.log").open("a") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C reaches this process, which ends them in order
            preexec_fn=_end_with_parent,
        )


def _end_with_parent() -> None:
    """Have Linux send SIGTERM when the process that started this one is killed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_node(process: subprocess.Popen) -> None:
    """End a node in order, or by force when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
