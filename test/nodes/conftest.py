"""Real nodes as processes, in a DDS domain of their own."""

import pytest

from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trials import trial_client


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory):
    """A trial client of a simulation and a planner in lockstep, with the shipped model."""
    config = TrialsConfig(ros=True, lockstep=True)
    with trial_client(config, tmp_path_factory.mktemp("logs")) as client:
        yield client
