"""config/planner.yaml is what the node declares."""

import yaml

from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.paths import config_dir

FILE = config_dir() / "planner.yaml"


def test_file_holds_every_parameter_with_its_default():
    declared = {parameter.name: parameter.default for parameter in PARAMETERS}
    assert yaml.safe_load(FILE.read_text())["wm_planner"]["ros__parameters"] == declared


def test_file_comments_every_parameter_with_its_description():
    lines = [line.strip() for line in FILE.read_text().splitlines()]
    for parameter in PARAMETERS:
        (index,) = (i for i, line in enumerate(lines) if line.startswith(f"{parameter.name}:"))
        assert lines[index - 1].startswith(f"# {parameter.description}")


def test_defaults_are_inside_their_ranges():
    ranged = [parameter for parameter in PARAMETERS if parameter.low is not None]
    assert ranged
    for parameter in ranged:
        assert parameter.low <= parameter.default <= parameter.high, parameter.name
