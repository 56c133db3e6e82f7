"""Goal images over DDS: the arm waits for one, refuses a bad one, and goes on with a good one."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_model import CONFIG, SEARCH, tiny_model

from wm_planner.errors import UserError
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.messages import encode_image
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.search_parameters import of_planner, planner_config
from wm_planner.nodes.trials import trial_client
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import save_model

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
BOX = (0.0, 0.0, 0.0, 0.1, 0.1, 0.1)
FOR_GOALS = replace(SEARCH, objectives={"goal_image": 1.0, "keep_out": 10.0}, keep_out=(BOX,))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Simulation and planner in lockstep, with a model of random weights that wants goals."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model().world_model, CONFIG)
    config = TrialsConfig(ros=True, model=str(folder), search=FOR_GOALS)
    with trial_client(config, tmp_path_factory.mktemp("logs")) as client:
        yield client


class Planner:
    """What the planner says of itself in /diagnostics."""

    def __init__(self, client):
        self.client, self.text, self.goal = client, "", ""
        client.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 10)
        self._goals = client.node.create_publisher(Image, "/wm_planner/goal", LATCHED)

    def _on_report(self, message):
        for report in message.status:
            if report.name == "wm_planner: planner":
                self.text = report.message
                self.goal = {pair.key: pair.value for pair in report.values}["goal"]

    def send(self, picture, encoding="rgb8"):
        message = encode_image(picture, 0.0, "goal")
        message.encoding = encoding
        self._goals.publish(message)

    def until(self, condition):
        assert self.client.spin_until(condition, 10.0), (self.text, self.goal)


def test_the_arm_waits_for_a_goal_and_refuses_a_bad_one(client):
    planner = Planner(client)
    client.trigger("/wm_planner/start")
    planner.until(lambda: planner.text == "holding, goal: waiting for a goal image")
    picture = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    planner.send(picture, encoding="yuv422")
    planner.until(lambda: planner.goal.startswith("refused: image encoding is 'yuv422'"))
    assert planner.text == "holding, goal: waiting for a goal image"
    planner.send(picture)
    planner.until(lambda: planner.text.startswith("running"))
    assert planner.goal.startswith("came at ")
    planner.send(picture[:, :32], encoding="yuv422")  # the old goal holds
    planner.until(lambda: planner.goal.startswith("refused: "))
    assert planner.text.startswith("running")


def test_parameters_say_what_a_configuration_says():
    found = {p.name: p.default for p in PARAMETERS} | of_planner(FOR_GOALS)
    assert planner_config(found) == FOR_GOALS
    assert planner_config({p.name: p.default for p in PARAMETERS}) == PlannerConfig(
        budget="auto", max_surprise=2.0
    )


def test_a_goal_is_wanted_unless_something_else_is_named():
    found = {p.name: p.default for p in PARAMETERS} | {"goal": "goal.png"}
    assert planner_config(found).objectives["goal_image"] == 1.0
    found["objectives"] = "{return: 2}"
    assert planner_config(found).objectives == {"return": 2.0}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("objectives", "{retrun: 1}", "unknown objective 'retrun'; there is return, goal_image"),
        ("objectives", "[return]", "expected names with numbers"),
        ("objectives", "{return: yes}", "expected names with numbers"),
        ("objectives", "{return: -1}", "expected finite and at least 0"),
        ("keep_out", "[0, 0, 0, 1, 1, 1]", "expected boxes"),
        ("keep_out", "[[0, 0, 0, 1, 1]]", r"expected \[x0, y0, z0, x1, y1, z1\]"),
        ("keep_out", "[[0, 0, 1, 1, 1, 0]]", "below its counterpart"),
    ],
)
def test_a_parameter_that_is_no_objective_is_refused(name, text, complaint):
    found = {p.name: p.default for p in PARAMETERS} | {name: text}
    with pytest.raises(UserError, match=complaint):
        planner_config(found)
