"""Faults that are more than one message gone wrong: processes, models, services, parameters."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from lifecycle_msgs.msg import Transition
from std_srvs.srv import Trigger

from wm_planner.nodes.faults.cases import FRAMES, RESET, Case, heal, spoil
from wm_planner.nodes.faults.finding import Finding, conclude, examine, in_time, recovers
from wm_planner.nodes.faults.rig import PATIENCE, Rig
from wm_planner.nodes.faults.sabotaged_planner import HANG
from wm_planner.process import holdings

Procedure = Callable[[Rig, Path], Finding]
_CYCLES = 50
_COMMANDS = "/wm_planner/commands"
_TRIALS = 120.0  # s for two trials, nodes included
_FORGOTTEN = 40.0  # s after which DDS has given up a process that was killed
_STORM = 300  # parameters set
_ROOM_MB = 40.0  # memory that cycles may add: allocators keep some
_ROOM_HANDLES = 8


def camera_covered(rig: Rig, _: Path) -> Finding:
    """A dark cloth: not black, and never twice the same, so that only surprise can tell."""
    rng = np.random.default_rng(0)

    def cover(message: Any) -> Any:
        cloth = rng.normal(50, 10, len(message.data)).clip(0, 255).astype(np.uint8)
        message.data = cloth.tobytes()
        return message

    _configure_anew(rig, 2.0)
    found = examine(rig, Case("camera_covered", ("surprise",), spoil(FRAMES, cover), heal, RESET))
    heal(rig)
    _configure_anew(rig, 0.0)
    return found


def _configure_anew(rig: Rig, max_surprise: float) -> None:
    rig.take_down()
    rig.set("max_surprise", max_surprise)
    rig.bring_up()
    rig.client.trigger("/wm_planner/start")
    rig.spin(0.5)


def stop_during_planning(rig: Rig, _: Path) -> Finding:
    """~/stop while a slow plan is under way: it must not be followed, and stop must latch."""
    rig.order(f"{HANG} 0.2")
    rig.spin(0.5)
    called = time.monotonic()
    rig.client.trigger("/wm_planner/stop")
    answered = time.monotonic()
    rig.spin(0.8)
    held = rig.limits.rested(answered, 0.3)
    refused = not rig.client.call(Trigger, "/wm_planner/start", Trigger.Request()).success
    rig.order("")
    held_ms = None if held is None else (held - answered) * 1e3
    rig.client.trigger("/wm_planner/reset")
    rig.client.trigger("/wm_planner/start")
    recovered = recovers(rig, False)
    complaints = {
        "the arm goes on moving": held is not None,
        "start is not refused": refused,
        "the arm holds too late": in_time(rig, held_ms),
        "it does not come back": recovered,
    }
    detected_ms = (answered - called) * 1e3
    return conclude("stop_during_planning", "stopped", detected_ms, held_ms, "reset and start",
                    recovered, complaints)  # fmt: skip


def planner_killed(rig: Rig, _: Path) -> Finding:
    """kill -9: the commands end; a new process takes over the arm where it is."""
    killed = time.monotonic()
    rig.kill("planner")
    gone = rig.client.spin_until(lambda: time.monotonic() - rig.limits.arrived > 0.2, PATIENCE)
    last = rig.limits.moved
    rig.start_planner()
    rig.bring_up()
    rig.client.trigger("/wm_planner/start")
    recovered = recovers(rig, False)
    complaints = {"commands go on": gone, "it does not come back": recovered}
    held_ms = max(0.0, last - killed) * 1e3
    return conclude("planner_killed", "the process is gone", 0.0, held_ms,
                    "start it, configure, activate, start", recovered, complaints)  # fmt: skip


def model_deleted(rig: Rig, original: Path) -> Finding:
    """The weights vanish: what runs goes on; configuring fails until they are back."""
    return _without_model(
        rig, original, "model_deleted", lambda weights: weights.unlink(), "no such file"
    )


def model_corrupted(rig: Rig, original: Path) -> Finding:
    """The weights are cut short, as by a full disk."""

    def cut(weights: Path) -> None:
        whole = weights.read_bytes()
        weights.unlink()  # a new file: the running node keeps what it has mapped
        weights.write_bytes(whole[: len(whole) // 2])

    return _without_model(rig, original, "model_corrupted", cut, "not a whole safetensors file")


def _without_model(
    rig: Rig, original: Path, name: str, spoil: Callable[[Path], Any], shown: str
) -> Finding:
    spoil(rig.model / "model.safetensors")
    plans = rig.plans
    rig.spin(1.0)
    went_on = not rig.fault and rig.plans > plans
    rig.take_down()
    asked = time.monotonic()
    refused = not rig.transition(Transition.TRANSITION_CONFIGURE)
    detected_ms = (time.monotonic() - asked) * 1e3
    count = rig.limits.count
    rig.spin(0.5)
    silent = rig.limits.count == count
    rig.restore_model(original)
    rig.bring_up()
    rig.client.trigger("/wm_planner/start")
    recovered = recovers(rig, False)
    complaints = {
        "what runs does not go on": went_on,
        "configuring is not refused": refused,
        "commands without a model": silent,
        "it does not come back": recovered,
    }
    return conclude(name, f"cannot configure: {shown}", detected_ms, 0.0, "restore it, configure",
                    recovered, complaints)  # fmt: skip


def parameter_storm(rig: Rig, _: Path) -> Finding:
    """Good and bad values as fast as the node answers: bad ones are refused with a reason."""
    sets = (
        ("max_frame_age", 0.3, True),
        ("speed_scale", 0.9, True),
        ("speed_scale", float("nan"), False),
        ("speed_scale", 50.0, False),
        ("plan_timeout", "soon", False),
        ("model", "other", False),
        ("no_such", True, False),
    )
    plans, wrong = rig.plans, set()
    begun = time.monotonic()
    for i in range(_STORM):
        name, value, allowed = sets[i % len(sets)]
        result = rig.set(name, value)
        if result.successful != allowed or not (allowed or result.reason):
            wrong.add(name)
    seconds = time.monotonic() - begun
    planned = rig.plans - plans > 0.5 * seconds * rig.robot.control_rate_hz * 0.9
    note_fault = rig.fault
    for name, value in (("speed_scale", 1.0), ("max_frame_age", 0.25)):
        rig.set(name, value)
    recovered = recovers(rig, False)
    complaints = {
        f"wrong answer for {sorted(wrong)}": not wrong,
        f"it holds: {note_fault}": not note_fault,
        "it stopped planning": planned,
        "it does not come back": recovered,
    }
    return conclude("parameter_storm", "", None, None, "goes on", recovered, complaints)


def lifecycle_cycles(rig: Rig, _: Path) -> Finding:
    """Fifty times down to unconfigured and up again: nothing may be left behind."""
    process = rig.processes["planner"].pid
    count = rig.client.node.count_publishers  # one that was killed is counted for a while
    rig.client.spin_until(lambda: count(_COMMANDS) == 1, _FORGOTTEN)
    left, before = 0, None
    for cycle in range(_CYCLES):
        rig.take_down()
        rig.spin(0.05)
        left += _publishers_left(rig)
        _configure_and_activate(rig)
        if cycle == 4:
            before = holdings(process)  # the first ones fill caches
    after = holdings(process)
    rig.client.trigger("/wm_planner/start")
    recovered = recovers(rig, False)
    assert before is not None
    grown = after.memory_mb - before.memory_mb
    complaints = {
        f"{left} publishers were left": not left,
        f"memory grew by {grown:.1f} MB": grown < _ROOM_MB,
        f"file handles went from {before.file_handles} to {after.file_handles}": (
            after.file_handles - before.file_handles < _ROOM_HANDLES
        ),
        f"threads went from {before.threads} to {after.threads}": after.threads <= before.threads,
        "it does not come back": recovered,
    }
    return conclude("lifecycle_cycled_50_times", "", None, None, "configure, activate, start",
                    recovered, complaints)  # fmt: skip


def trials_killed(rig: Rig, original: Path) -> Finding:
    """kill -9 of `wm_planner trials` in its second trial: the first is kept, the rest follows."""
    out = rig.model.parent / "trials"
    command = [sys.executable, "-m", "wm_planner", "trials", "--model", str(original), "--task",
               rig.task, "--planner", "prior", "--trials", "2", "--seed", "4100000", "--ros",
               "--out", str(out)]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    killed = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
    log = out / "trials.jsonl"
    began = rig.client.spin_until(lambda: log.is_file() and b"\n" in log.read_bytes(), _TRIALS)
    killed.kill()
    killed.wait()
    kept = log.read_bytes().splitlines()[0] if began else b""
    again = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
    rig.client.spin_until(lambda: again.poll() is not None, _TRIALS)
    lines = log.read_bytes().splitlines() if began else []
    complaints = {
        "no trial was finished": began,
        "the second run failed": again.poll() == 0,
        f"{len(lines)} trials in the log": len(lines) == 2,
        "the finished trial changed": lines[:1] == [kept],
    }
    again.kill()
    recovered = all(complaints.values())
    return conclude("trials_killed", "the process is gone", None, None, "the same command again",
                    recovered, complaints)  # fmt: skip


def _publishers_left(rig: Rig) -> int:
    """Publishers of commands that outlive their node's cleanup; discovery takes a moment."""
    count = rig.client.node.count_publishers
    rig.client.spin_until(lambda: count(_COMMANDS) == 0, 2.0)
    return count(_COMMANDS)


def _configure_and_activate(rig: Rig) -> None:
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        rig.transition(transition)


PROCEDURES: dict[str, Procedure] = {
    "camera_covered": camera_covered,
    "stop_during_planning": stop_during_planning,
    "planner_killed": planner_killed,
    "trials_killed": trials_killed,
    "model_deleted": model_deleted,
    "model_corrupted": model_corrupted,
    "parameter_storm": parameter_storm,
    "lifecycle_cycled_50_times": lifecycle_cycles,
}
