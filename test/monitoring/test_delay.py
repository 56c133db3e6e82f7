"""How late the arm is, found out from what is seen."""

import pytest
import torch

from wm_planner.monitoring.delay import LONGEST, LateArm, may_follow


def watch(delay, steps=12, seed=0):
    """An arm that follows so many steps late, and moves by its action, as foreseen."""
    generator = torch.Generator().manual_seed(seed)
    late, z, given, found = LateArm(), torch.zeros(2), [], []
    for _ in range(steps):
        given.append(torch.randn(2, generator=generator))
        done = given[-1 - delay] if len(given) > delay else torch.zeros(2)
        before, z = z, z + done
        late.look(before + may_follow(given), z)
        found.append(late.steps)
    return found


@pytest.mark.parametrize("delay", range(LONGEST + 1))
def test_the_delay_is_found(delay):
    assert watch(delay)[delay:] == [delay] * (12 - delay)


def test_nothing_seen_is_no_delay():
    assert LateArm().steps == 0


def test_old_evidence_fades():
    late, z, given = LateArm(), torch.zeros(2), [torch.ones(2), -torch.ones(2)]
    for _ in range(5):
        late.look(z + may_follow(given), z + given[-2])
    assert late.steps == 1
    for _ in range(20):
        late.look(z + may_follow(given), z + given[-1])
    assert late.steps == 0
