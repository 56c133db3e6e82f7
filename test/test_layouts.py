"""The RViz and Foxglove layouts parse, and show topics and services that the README lists."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
RVIZ = (ROOT / "config/rviz/wm_planner.rviz").read_text()
FOXGLOVE = (ROOT / "config/foxglove/wm_planner.json").read_text()
OPTIONAL = {"~/candidates"}  # shown where the planner publishes them
NAMES = re.compile(r'(?<=[" ])/[a-z_]+(?:/[a-z_]+)*')


def in_readme(name):
    """As the README writes a name: relative to the node, with any camera."""
    name = re.sub(r"^/(front|wrist)/", "<camera>/", name)
    name = re.sub(r"^/wm_planner/", "~/", name)
    return f"`{name}`" in README or f"`{name.lstrip('/')}`" in README or name in OPTIONAL


def values(tree):
    """Everything at the leaves."""
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in values(value)]
    if isinstance(tree, list):
        return [leaf for value in tree for leaf in values(value)]
    return [tree]


@pytest.mark.parametrize("text", [RVIZ, FOXGLOVE], ids=["rviz", "foxglove"])
def test_every_topic_and_service_is_in_the_readme(text):
    names = set(NAMES.findall(text))
    cameras = {"/front/color", "/wrist/color"}
    assert cameras | {"/wm_planner/imagination", "/wm_planner/candidates"} <= names
    assert not {name for name in names if not in_readme(name)}


def test_rviz_shows_cameras_imagination_and_paths_in_the_arms_base():
    manager = yaml.safe_load(RVIZ)["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == "panda_link0"
    assert 'body name="panda_link0"' in (ROOT / "models/mjcf/panda.xml").read_text()
    shown = {d["Topic"]["Value"]: d["Class"] for d in manager["Displays"] if "Topic" in d}
    assert shown["/wm_planner/candidates"].endswith("MarkerArray")
    assert sum(kind.endswith("/Image") for kind in shown.values()) == 3


def test_foxglove_places_every_panel_once_and_plots_every_joint():
    layout = json.loads(FOXGLOVE)
    placed = [leaf for leaf in values(layout["layout"]) if "!" in str(leaf)]
    assert sorted(placed) == sorted(layout["configById"])
    paths = layout["configById"]["Plot!positions"]["paths"]
    robot = yaml.safe_load((ROOT / "config/robots/panda.yaml").read_text())
    assert [path["label"] for path in paths] == [*robot["arm_joints"], robot["finger_joint"]]
    topics = {panel.get("topicToRender") for panel in layout["configById"].values()}
    assert "/diagnostics" in topics
