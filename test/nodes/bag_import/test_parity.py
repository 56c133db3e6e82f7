"""The same messages give the same tensors, in the running node and imported from a bag."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rclpy.serialization import deserialize_message, serialize_message

sys.path.insert(0, str(Path(__file__).parents[2]))
from toy_bags import CONTRACT, PERIOD, Sent, event, sensors, written

from wm_planner.assembly import build_arm
from wm_planner.bags.bag import Bag
from wm_planner.nodes.bag_import.importer import BagImporter, Imported
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.frame_buffer import FrameBuffer
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.record.episode_log import Event
from wm_planner.nodes.session import Session
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.perception.frame_guard import FrameGuard
from wm_planner.perception.images import observe
from wm_planner.pipeline import Pipeline
from wm_planner.types import Latent, Observation, Plan, PlanStatistics

SIZE, SECONDS, START = 32, 6.0, 100.0
CAMERAS = tuple(camera.name for camera in CONTRACT.cameras)
KNOWN = [0, 1, 2, 6, 7]  # of the proprioception: hand, finger, gripper; without the goal ahead


class Witness:
    """A world model that keeps what it is shown, and a planner that moves about."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self._rng = np.random.default_rng(3)

    def encode(self, observation, foreseen=None):
        self.seen.append(Observation(observation.images.clone(), observation.proprio.clone()))
        return Latent(torch.zeros(1, 1))

    def advance(self, latent, action):
        return latent

    def branches(self, latent, actions):
        return latent.z[:, None].expand(-1, actions.shape[1], -1)

    def plan(self, latent, warm_start, generator, situation):
        number = len(self.seen)
        move = 0.5 * self._rng.uniform(-1, 1, 3)
        actions = torch.tensor([*move, 1.0 if number % 20 < 10 else -1.0]).float()[None, None]
        nothing = torch.zeros(1)
        return Plan(actions, nothing, torch.zeros_like(actions), PlanStatistics(1, 0))


class Live:
    """The node's session, and what it sends; the messages that it hears are recorded too."""

    def __init__(self) -> None:
        self.arm, self.witness, self.sent = build_arm("panda"), Witness(), []
        self.now = START
        pipeline = Pipeline(self.witness, self.witness, self.arm, CAMERAS, SIZE)
        output = CommandOutput(self.arm, None, self._sends(CONTRACT.command), burst=True)
        settings = {parameter.name: parameter.default for parameter in PARAMETERS}
        nothing: Callable[..., Any] = lambda *_: None  # noqa: E731
        around = Surroundings(
            now=lambda: self.now,
            parameter=settings.__getitem__,
            warn=nothing,
            heard=lambda: True,
            watched=lambda: False,
            compared=lambda: False,
            send_statistics=self._sends(CONTRACT.statistics),
            send_surprise=nothing,
            send_mark=nothing,
            send_candidates=nothing,
            send_picture=nothing,
            report=nothing,
            wake=nothing,
            prepare=CONTRACT.frames,
        )
        buffer = FrameBuffer(CAMERAS, CONTRACT.max_camera_skew, CONTRACT.max_joint_skew)
        guard = FrameGuard(SIZE, 4.0, 10.0)
        self.session = Session(pipeline, buffer, guard, output, True, around)
        self.session.activate()
        self.session.start()

    def hear(self, sent: Sent) -> None:
        """A message as it comes over the wire; plans are made before the next one comes."""
        self.now = sent.time
        self.sent.append(sent)
        message = deserialize_message(serialize_message(sent.message), type(sent.message))
        if sent.topic == "/joint_states":
            self.session.put_joints(message)
        else:
            camera = "front" if sent.topic == "/front/color" else "wrist"
            self.session.put_image(camera, message)
        while self.session._thread.busy:
            time.sleep(0.0002)
        self.session.take_outcomes()

    def _sends(self, name: str) -> Callable[[Any], None]:
        return lambda message: self.sent.append(Sent(f"/{name}", message, self.now + 1e-3))


@pytest.fixture(scope="module")
def live() -> Live:
    live = Live()
    for number, sent in enumerate(sensors(START, SECONDS, live.arm.joint_names, live.arm.home)):
        lost = number < 80 and number % 29 == 13  # a frame among them, early on
        if not lost and not (sent.topic == "/joint_states" and number % 17 == 0):
            live.hear(sent)
    live.session.close()
    return live


def imported(live: Live, folder: Path, actions: str) -> Imported:
    end = START + SECONDS + 1
    marks = [event(Event.START, 1, START - 1), event(Event.SUCCESS, 1, end)]
    bag = written(folder / "bag", [marks[0], *live.sent, marks[1]])
    contract = replace(CONTRACT, actions=actions)
    (found,) = BagImporter(Bag(bag), contract, build_arm("panda")).episodes()
    return found


def observations(found: Imported) -> list[Observation]:
    """As a model trained on the dataset is shown them."""
    episode = found.episode
    assert episode is not None, found.notes
    return [
        observe({c: f[t] for c, f in episode.frames.items()}, episode.proprio[t], CAMERAS, SIZE)
        for t in range(len(episode.actions))
    ]


def after_the_last_gap(live: Live, count: int) -> list[Observation]:
    return live.witness.seen[-count:]


def test_the_session_was_shown_enough(live):
    assert 50 <= len(live.witness.seen) <= SECONDS / PERIOD
    assert all(seen.images.float().std() > 10 for seen in live.witness.seen)


def test_what_the_planner_was_told_is_imported_bit_for_bit(live, tmp_path):
    found = imported(live, tmp_path, "statistics")
    shown = observations(found)
    seen = after_the_last_gap(live, len(shown))
    assert len(shown) >= 40
    for a, b in zip(shown, seen, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.proprio, b.proprio)


@pytest.mark.parametrize("actions", ["commands", "joints"])
def test_without_its_word_frames_and_joints_are_the_same_bit_for_bit(live, tmp_path, actions):
    shown = observations(imported(live, tmp_path, actions))
    seen = after_the_last_gap(live, len(shown))
    assert len(shown) >= 40
    for a, b in zip(shown, seen, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.proprio[:, :3], b.proprio[:, :3])
        assert torch.equal(a.proprio[:, 6], b.proprio[:, 6])


def goals(proprio: np.ndarray, live: Live) -> np.ndarray:
    """Where the hand was being sent (T, 3), m, as proprioception (T, 8) tells it."""
    c = live.arm.config
    lower, upper = np.array(c.workspace_lower), np.array(c.workspace_upper)
    return lower + (proprio[:, :3] + 1) / 2 * (upper - lower) + c.goal_reach * proprio[:, 3:6]


def test_actions_worked_out_from_trajectories_are_what_came_of_those_taken(live, tmp_path):
    """The arm does not go as far as it is told where it would run ahead of the hand too far."""
    told = imported(live, tmp_path / "told", "statistics").episode
    worked_out = imported(live, tmp_path / "worked_out", "commands").episode
    steps = min(len(told.actions), len(worked_out.actions)) - 1
    proprio = told.proprio[-steps:].astype(np.float64)
    moved = np.diff(goals(proprio, live), axis=0) / live.arm.config.action_step
    np.testing.assert_allclose(worked_out.actions[-steps:-1, :3], moved, atol=0.02)
    np.testing.assert_array_equal(worked_out.actions[-steps:-1, 3], told.actions[-steps:-1, 3])
    np.testing.assert_allclose(worked_out.proprio[-steps:], told.proprio[-steps:], atol=0.02)
