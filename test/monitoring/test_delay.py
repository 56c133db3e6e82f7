"""How late the arm is, found out from what is seen."""

import pytest
import torch

from wm_planner.monitoring.delay import LONGEST, LateArm
from wm_planner.types import Latent


class World:
    """Moves by its action, as foreseen."""

    def branches(self, latent, actions):
        return latent.z[:, None] + actions


def watch(delay, steps=12, seed=0):
    """An arm that follows so many steps late."""
    generator = torch.Generator().manual_seed(seed)
    late, z, given, found = LateArm(), torch.zeros(1, 2), [], []
    for _ in range(steps):
        given.append(torch.randn(2, generator=generator))
        done = given[-1 - delay] if len(given) > delay else torch.zeros(2)
        before, z = z, z + done
        late.look(World(), Latent(before), Latent(z), given)
        found.append(late.steps)
    return found


@pytest.mark.parametrize("delay", range(LONGEST + 1))
def test_the_delay_is_found(delay):
    assert watch(delay)[delay:] == [delay] * (12 - delay)


def test_nothing_seen_is_no_delay():
    assert LateArm().steps == 0


def test_old_evidence_fades():
    late, world = LateArm(), World()
    z, given = torch.zeros(1, 2), [torch.ones(2), -torch.ones(2)]
    for _ in range(5):
        late.look(world, Latent(z), Latent(z + given[-2]), given)
    assert late.steps == 1
    for _ in range(20):
        late.look(world, Latent(z), Latent(z + given[-1]), given)
    assert late.steps == 0
