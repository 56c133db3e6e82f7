"""Instructions over DDS: as in process; without one the arm waits, what is not known is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_families import tiny
from tiny_model import CONFIG, SEARCH

from wm_planner.assembly import build_pipeline
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.learning.tries import TriesConfig, tries_in_process
from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.fault import Fault
from wm_planner.nodes.instruction_inbox import InstructionInbox
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.nodes.trials import trial_client
from wm_planner.nodes.tries import record_try, trials_config
from wm_planner.nodes.try_recorder import LATCHED, TryRecorder
from wm_planner.world_models.store import load_model, save_model
from wm_planner.world_models.words import vocabulary_of

SEEDS = (3_000_000, 3_000_002)  # that are told different things
STEPS = 4


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TriesConfig:
    """Of a model of random weights that heeds what it is told of `sort`."""
    folder = tmp_path_factory.mktemp("model") / "told"
    words = vocabulary_of([make_task("sort").instruction])
    model = tiny("td_latent", instruction_size=8, vocabulary=words)
    torch.nn.init.normal_(model.encoder.heed.change.weight)
    save_model(folder, model, replace(CONFIG, task="sort", network=model.config))
    search = replace(SEARCH, backend="eager")
    still = Randomization()
    return TriesConfig(folder, "sort", search=search, time_limit=STEPS / 10, randomization=still)


@pytest.fixture(scope="module")
def client(config, tmp_path_factory):
    with trial_client(trials_config(config, False), tmp_path_factory.mktemp("logs")) as client:
        yield client


@pytest.mark.slow
def test_the_planner_is_told_what_the_simulated_task_says(client, config):
    recorder = TryRecorder(client.node, CONFIG.cameras, client.rate_hz)
    here = list(tries_in_process(config, list(SEEDS)))
    for seed, alone in zip(SEEDS, here, strict=True):
        over_ros = record_try(client, recorder, seed, config).episode
        assert over_ros.instruction == alone.episode.instruction
        np.testing.assert_allclose(over_ros.actions, alone.episode.actions, atol=1e-4)
    assert here[0].episode.instruction != here[1].episode.instruction


def test_the_arm_waits_until_somebody_says_what_to_do(config):
    pipeline = build_pipeline(load_model(config.model), replace(SEARCH, planner="noop"))
    nothing = Surroundings(*[lambda *_: None] * len(Surroundings._fields))
    inbox, faults = InstructionInbox(pipeline, nothing, Report()), []
    assert inbox.missing(faults.append) and inbox.take() is None
    assert faults == [Fault("instruction", "waiting for an instruction")]
    inbox.put(String(data="put the red cube on the green mark"))
    assert not inbox.missing(faults.append) and len(faults) == 1
    assert inbox.take() == "put the red cube on the green mark" and inbox.take() is None


@pytest.mark.slow
def test_words_that_are_not_known_are_refused_and_change_nothing(client):
    said: dict[str, str] = {}

    def on_report(message: DiagnosticArray) -> None:
        for report in message.status:
            if report.name == "wm_planner: planner":
                said.update({pair.key: pair.value for pair in report.values})

    client.node.create_subscription(DiagnosticArray, "/diagnostics", on_report, 10)
    talker = client.node.create_publisher(String, "/wm_planner/instruction", LATCHED)
    for text, told in (
        ("put the blue cube on the green mark", "put the blue cube on the green mark"),
        ("fetch the beer", "refused: instruction 'fetch the beer': the model does not know fetch"),
        ("", "refused: instruction '' has 0 words"),
    ):
        talker.publish(String(data=text))
        assert client.spin_until(lambda: said.get("instruction", "").startswith(told), 10.0), said  # noqa: B023
