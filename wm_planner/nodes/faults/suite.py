"""`wm_planner trials --faults`: everything that may go wrong, made to happen to two real nodes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.faults.cases import CASES
from wm_planner.nodes.faults.finding import Finding, examine
from wm_planner.nodes.faults.procedures import PROCEDURES
from wm_planner.nodes.faults.rig import Rig, free_domain
from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.paths import model_dir
from wm_planner.world_models.store import read_config

NAMES = (*(case.name for case in CASES), *PROCEDURES)


def run_faults(config: TrialsConfig) -> dict[str, Any]:
    """Make the faults happen, all or those of `config.only`; print a table, return the JSON."""
    findings: list[Finding] = []
    names = config.only or NAMES
    if unknown := sorted(set(names) - set(NAMES)):
        raise UserError(f"unknown faults {unknown}; there is {', '.join(NAMES)}")
    with fault_rig(config) as rig, tqdm(total=len(names), unit="fault") as bar:
        for i, name in enumerate(names):
            bar.set_postfix_str(name)
            findings.append(examine_one(rig, name, config.seed + i, model_dir(config.model_name)))
            bar.update()
        violations = list(rig.limits.violations)
        commands = rig.limits.count
    result = {
        "faults_total": len(findings),
        "faults_passed": sum(finding.passed for finding in findings),
        "commands": commands,
        "commands_outside_limits": len(violations),
        "violations": [violation._asdict() for violation in violations[:20]],
        "faults": [finding._asdict() for finding in findings],
    }
    print(describe(findings, commands, len(violations)))
    if config.json is not None:
        write_json(config.json, result)
    return result


@contextmanager
def fault_rig(config: TrialsConfig) -> Iterator[Rig]:
    """Both nodes, the planner on a copy of its model."""
    original = model_dir(config.model_name)
    model = read_config(original / "config.yaml")
    domain_id = free_domain()
    os.environ.update(ros_environment(domain_id))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    client = TrialClient(model.control_rate_hz)
    folder = Path(tempfile.mkdtemp(prefix="wm_planner_faults_"))
    rig = Rig(client, model.robot, domain_id, config.task, folder)
    try:
        rig.restore_model(original)
        rig.start_simulation()
        rig.start_planner()
        yield rig
    finally:
        rig.close()
        client.close()
        rclpy.shutdown()


def examine_one(rig: Rig, name: str, seed: int, original: Path) -> Finding:
    """One fault, from a new episode on; commands outside the limits make it fail."""
    before = len(rig.limits.violations)
    try:
        rig.begin_episode(seed)
        if name in PROCEDURES:
            finding = PROCEDURES[name](rig, original)
        else:
            finding = examine(rig, next(case for case in CASES if case.name == name))
    except UserError as error:
        finding = Finding(name, rig.fault, None, None, "", False, False, str(error))
    rig.relay.heal()
    rig.order("")
    if outside := rig.limits.violations[before:]:
        note = f"{len(outside)} commands outside limits, first: {outside[0]}"
        finding = finding._replace(passed=False, note=f"{finding.note}; {note}".lstrip("; "))
    return finding


def describe(findings: list[Finding], commands: int, outside: int) -> str:
    """A line for each fault."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"{'fault':{width}}  detected ms  held ms  recovery"]
    for f in findings:
        times = "  ".join(
            f"{'-' if value is None else format(value, '.0f'):>{size}}"
            for value, size in ((f.detected_ms, 11), (f.held_ms, 7))
        )
        verdict = "" if f.passed else f"  FAILED: {f.note}"
        lines.append(f"{f.name:{width}}  {times}  {f.recovery}{verdict}")
    passed = sum(finding.passed for finding in findings)
    lines.append(
        f"{passed}/{len(findings)} faults passed, {outside} of {commands} commands outside limits"
    )
    return "\n".join(lines)
