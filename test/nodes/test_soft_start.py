"""Commands start anew elsewhere only after a pause without any."""

from __future__ import annotations

import time

import numpy as np
import torch

from wm_planner.assembly import build_arm
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.types import JointState, Plan, PlanStatistics

PAUSE = 0.1  # s


def test_a_process_that_is_stopped_while_it_sends_still_pauses_afterwards():
    """As SIGSTOP between the decision to send and the last byte, and SIGCONT later."""
    arm, stopped = build_arm("panda"), [0.0]
    output = CommandOutput(arm, lambda _: time.sleep(stopped[0]), None, burst=False)
    here = JointState(arm.home, np.zeros(8), 0.0)
    there = JointState(arm.home + 0.1, np.zeros(8), 0.0)
    nothing = torch.zeros(1)
    action = torch.tensor([0.5, 0.0, 0.0, 1.0])
    assert output.soft_start(here)
    output.follow(Plan(action.repeat(1, 2, 1), nothing, nothing, PlanStatistics(0, 0)), here)
    stopped[0] = 1.5 * PAUSE
    output.tick(here, 1.0)
    assert not output.soft_start(there)
    time.sleep(1.1 * PAUSE)
    assert output.soft_start(there)
    np.testing.assert_allclose(output.commanded, there.positions)
