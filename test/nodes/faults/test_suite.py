"""Faults made on two real nodes; the others are in the slow suite, and in `trials --faults`."""

import pytest

from wm_planner.errors import UserError
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.faults import cases, finding
from wm_planner.nodes.faults.finding import Finding
from wm_planner.nodes.faults.suite import NAMES, describe, examine_one, fault_rig, run_faults
from wm_planner.paths import model_dir

FAST = (
    "camera_dead",
    "camera_frozen",
    "camera_covered",
    "camera_truncated",
    "joint_nan",
    "joints_mixed_up",
    "joints_stopped",
    "arm_pushed_away",
    "clock_back",
    "planner_raises",
    "planner_hangs",
    "planner_frozen",
    "sim_killed",
    "stop_during_planning",
    "model_corrupted",
    "parameter_storm",
)


@pytest.fixture(scope="module")
def rig():
    with fault_rig(TrialsConfig(faults=True)) as rig:
        yield rig


@pytest.mark.parametrize("name", FAST)
def test_fault(rig, name):
    finding = examine_one(rig, name, 4_000_000 + NAMES.index(name), model_dir("grasp"))
    assert finding.passed, finding


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(FAST)))
def test_other_fault(rig, name):
    finding = examine_one(rig, name, 4_000_000 + NAMES.index(name), model_dir("grasp"))
    assert finding.passed, finding


def test_a_fault_that_nobody_notices_does_not_pass(rig, monkeypatch):
    """The planner goes on although it should have held: the suite must say so."""
    rig.begin_episode(4_000_000)
    harmless = cases.Case("harmless", ("no frame",), cases.stay, cases.stay)
    monkeypatch.setattr(finding, "PATIENCE", 1.0)
    found = finding.examine(rig, harmless)
    assert not found.passed and "the diagnostics say 'nothing'" in found.note


def test_bad_joints_before_a_reset_do_not_hide_that_none_come_after_it(rig):
    rig.begin_episode(4_000_001)
    cases.spoil(cases.JOINTS, cases.with_nan)(rig)
    rig.expect(lambda: rig.fault.startswith("joint state:"), "bad joints go unnoticed")
    cases.spoil(cases.JOINTS, cases.nothing)(rig)
    rig.client.trigger("/wm_planner/reset")
    rig.client.trigger("/wm_planner/start")
    rig.expect(lambda: rig.fault.startswith("stale joint state:"), "it waits without a word")
    cases.heal(rig)
    rig.expect(rig.works, "it does not come back")


def test_the_table_says_what_failed():
    fine = Finding("a", "no frame: ...", 200.0, 90.0, "by itself", True, True)
    bad = Finding("b", "", None, None, "", False, False, "it does not come back")
    text = describe([fine, bad], 100, 0)
    assert "1/2 faults passed, 0 of 100 commands" in text and "FAILED: it does not" in text


def test_unknown_faults_are_refused_with_the_known_ones():
    with pytest.raises(UserError, match="camera_dead"):
        run_faults(TrialsConfig(faults=True, only=("camera_ded",)))
