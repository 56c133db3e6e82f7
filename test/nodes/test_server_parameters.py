"""The node's parameters about a policy server say what a configuration says."""

import pytest

from wm_planner.errors import UserError
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.search_parameters import of_planner, planner_config
from wm_planner.planning import PlannerConfig

DEFAULTS = {parameter.name: parameter.default for parameter in PARAMETERS}
ASKING = PlannerConfig(
    planner="server",
    server="ws://gpu:8000",
    server_wait_ms=20.0,
    server_std=0.5,
    server_names={"front": "observation/image"},
    server_prompt="lift it",
    server_size=224,
)


def test_all_of_them_go_there_and_back():
    assert planner_config(DEFAULTS | of_planner(ASKING)) == ASKING


@pytest.mark.parametrize("names", ["[front]", "{front: 3}", "front"])
def test_names_that_are_none_are_refused(names):
    with pytest.raises(UserError, match=r"server_names is .*expected names by name"):
        planner_config(DEFAULTS | {"server_names": names})
