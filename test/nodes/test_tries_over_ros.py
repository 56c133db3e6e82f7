"""Tries on two real nodes: recorded as in process, and marked by a person."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from std_srvs.srv import Trigger

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_model import CONFIG, SEARCH, tiny_model

from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError
from wm_planner.learning.tries import NOBODY, PERSON, TASK, TriesConfig, tries_in_process
from wm_planner.nodes.mark_keys import MarkKeys
from wm_planner.nodes.trials import trial_client
from wm_planner.nodes.tries import record_try, trials_config
from wm_planner.nodes.try_recorder import TryRecorder
from wm_planner.world_models.store import save_model

SEED = 3_000_000
STEPS = 6


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TriesConfig:
    """Of a model of random weights, so that nothing succeeds by itself."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model().world_model, CONFIG)
    search = replace(SEARCH, backend="eager")
    return TriesConfig(
        folder, search=search, time_limit=STEPS / 10, randomization=Randomization(light=(0.8, 1.2))
    )


@pytest.fixture(scope="module")
def client(config, tmp_path_factory):
    with trial_client(trials_config(config, False), tmp_path_factory.mktemp("logs")) as client:
        yield client


@pytest.fixture(scope="module")
def recorder(client):
    return TryRecorder(client.node, CONFIG.cameras, client.rate_hz)


def once(client, seconds: float, act: Callable[[], object]) -> None:
    """Have something done later, while the client's node is spun."""

    def call() -> None:
        timer.cancel()
        act()

    timer = client.node.create_timer(seconds, call)


def mark_after(client, seconds: float, name: str) -> None:
    """Have somebody else call the planner's service."""
    service = client.node.create_client(Trigger, f"/wm_planner/mark_{name}")
    once(client, seconds, partial(service.call_async, Trigger.Request()))


def test_a_try_is_the_same_over_ros_and_in_process(client, recorder, config):
    over_ros = record_try(client, recorder, SEED, config)
    (here,) = tries_in_process(config, [SEED])
    assert over_ros.judge == here.judge == TASK
    a, b = over_ros.episode, here.episode
    assert len(a.actions) == STEPS
    for camera in CONFIG.cameras:
        np.testing.assert_array_equal(a.frames[camera], b.frames[camera])
    np.testing.assert_allclose(a.proprio, b.proprio, atol=1e-6)
    np.testing.assert_allclose(a.actions, b.actions, atol=1e-4)
    assert (a.success, a.seed) == (b.success, b.seed) == (False, SEED)
    assert np.isnan(a.rewards).all() and a.landmarks.shape == (STEPS, 0)


@pytest.mark.parametrize(("name", "success"), [("success", True), ("failure", False)])
def test_a_mark_ends_the_try_and_counts_more_than_the_task(client, recorder, config, name, success):
    mark_after(client, 0.3, name)
    attempt = record_try(client, recorder, SEED + 1, replace(config, time_limit=60.0))
    assert (attempt.judge, attempt.episode.success) == (PERSON, success)
    assert 0 < len(attempt.episode.actions) < 600


def test_a_person_may_judge_after_the_end(client, recorder, config):
    person = replace(config, judge=PERSON, patience=20.0)
    mark_after(client, 4.0, "success")
    attempt = record_try(client, recorder, SEED + 2, person)
    assert (attempt.judge, attempt.episode.success) == (PERSON, True)
    assert len(attempt.episode.actions) == STEPS


def test_of_a_try_that_nobody_judges_nothing_is_claimed(client, recorder, config):
    person = replace(config, judge=PERSON, patience=0.2)
    assert record_try(client, recorder, SEED + 3, person).judge == NOBODY


def test_there_is_nothing_to_mark_before_the_start(client):
    client.trigger("/wm_planner/reset")
    for name in ("success", "failure"):
        with pytest.raises(UserError, match="nothing was tried since the last reset"):
            client.trigger(f"/wm_planner/mark_{name}")


def test_y_and_n_in_the_terminal_mark(client, recorder, config):
    ours, theirs = pty.openpty()
    person = replace(config, judge=PERSON, patience=20.0)
    with os.fdopen(theirs) as terminal, MarkKeys(client.node, terminal):
        for keys, success in ((b"xn", False), (b"Y", True)):
            once(client, 2.0, partial(os.write, ours, keys))
            attempt = record_try(client, recorder, SEED + 4, person)
            assert (attempt.judge, attempt.episode.success) == (PERSON, success)
    os.close(ours)


def test_keys_that_are_no_terminal_are_not_read(client, tmp_path):
    (tmp_path / "keys").write_text("yyy")
    with (tmp_path / "keys").open() as keys, MarkKeys(client.node, keys):
        pass
    assert client.mark is not None  # of the test before; nothing else happened
