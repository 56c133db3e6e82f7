"""Answers are shifted to when they are due, and planning never waits for those that do not come."""

import asyncio
import logging
import time

import numpy as np
import pytest

pytest.importorskip("msgpack", reason="policy servers are an extra")

from toy_policy_server import behaving, count_up, says

from wm_planner.advice.adviser import AdviceConfig, ServerAdviser
from wm_planner.advice.client import PolicyClient
from wm_planner.advice.names import Names
from wm_planner.types import View

FRAMES = {"front": np.zeros((48, 64, 3), np.uint8)}
VIEW = View(FRAMES, np.zeros(8))
STEPS, SIZE = 6, 4
PATIENT = AdviceConfig(SIZE, image_size=32, wait=10.0)
HASTY = AdviceConfig(SIZE, image_size=32, wait=0.05)


def adviser(address: str, config: AdviceConfig = PATIENT) -> ServerAdviser:
    return ServerAdviser(PolicyClient(address, patience=5.0), Names.of(("front",), {}), config)


def due(asking: ServerAdviser, views=None, under_way=0) -> list[int] | None:
    """Which steps of the chunk are advised to a single episode."""
    asking.ask(views or {0: VIEW}, {})
    advice = asking.answer(dict.fromkeys(views or {0: VIEW}, under_way))
    return None if advice is None else (advice.actions[0, :, 0] * 100).round().int().tolist()


def test_an_answer_begins_after_what_is_under_way():
    with behaving(says(actions=count_up(STEPS, SIZE))) as address:
        asking = adviser(address)
        assert due(asking) == [0, 1, 2, 3, 4, 5]
        assert due(asking, under_way=2) == [2, 3, 4, 5]
        assert due(asking, under_way=STEPS) is None


def test_an_older_answer_goes_on_where_it_is_by_now():
    async def first_only(socket, _question):
        if not answered:
            answered.append(1)
            await says(actions=count_up(STEPS, SIZE))(socket, {})

    answered: list[int] = []
    with behaving(first_only) as address:
        asking = adviser(address)
        assert due(asking) == [0, 1, 2, 3, 4, 5]
        asking._config = HASTY
        assert due(asking) == [1, 2, 3, 4, 5]
        assert due(asking, {0: VIEW._replace(steps=2)}, under_way=1) == [4, 5]
        assert due(asking, {0: VIEW._replace(steps=2)}) == [5]
        assert due(asking) is None
        assert "none before whose actions last until now" in asking.state
        assert "4 plans with its answer, 1 without" in asking.state


def test_a_late_answer_serves_a_later_plan_from_the_action_that_is_due():
    async def slow(socket, _question):
        await asyncio.sleep(0.3)
        await says(actions=count_up(STEPS, SIZE))(socket, {})

    with behaving(slow) as address:
        asking = adviser(address, HASTY)
        assert due(asking) is None
        asking._asked[0].answer.result(10)
        assert due(asking) == [1, 2, 3, 4, 5]


def test_planning_does_not_wait_longer_than_it_was_told_to(caplog):
    async def silent(_socket, _question):
        await asyncio.sleep(30)

    with behaving(silent) as address, caplog.at_level(logging.WARNING):
        asking = adviser(address, HASTY)
        started = time.monotonic()
        assert due(asking) is None
        assert 0.05 <= time.monotonic() - started < 3
        assert due(asking) is None
    assert len(caplog.records) == 1 and "raise server_wait_ms" in caplog.text


def test_forgotten_questions_are_not_answered_any_more():
    with behaving(says(actions=count_up(STEPS, SIZE))) as address:
        asking = adviser(address)
        assert due(asking) == [0, 1, 2, 3, 4, 5]
        asking.ask({0: VIEW}, {})
        asking.forget()
        assert asking.answer({0: 0}) is None


def test_each_episode_has_its_own_answer_and_the_longest_sets_the_length():
    async def by_state(socket, question):
        steps = int(question["observation.state"][0])
        await says(actions=count_up(steps, SIZE) if steps else np.zeros((2, 9)))(socket, {})

    views = {i: VIEW._replace(proprio=np.full(8, n)) for i, n in ((7, 2), (3, 4), (5, 0))}
    with behaving(by_state) as address:
        asking = adviser(address)
        asking.ask(views, {})
        advice = asking.answer({7: 0, 3: 1, 5: 0})
    assert advice is not None and advice.known.tolist() == [True, True, False]
    assert (advice.actions[:2, :, 0] * 100).round().int().tolist() == [[0, 1, 1], [1, 2, 3]]


def test_what_is_asked_are_the_models_frames_and_the_episodes_words():
    asked = []

    async def note(socket, question):
        asked.append(question)
        await says(actions=count_up(STEPS, SIZE))(socket, {})

    with behaving(note) as address:
        asking = ServerAdviser(
            PolicyClient(address), Names.of(("front",), {}), AdviceConfig(SIZE, 32, "lift it", 10.0)
        )
        asking.ask({0: VIEW, 1: VIEW}, {1: "stack it"})
        asking.answer({0: 0, 1: 0})
    assert asked[0]["observation.images.front"].shape == (32, 32, 3)
    assert [question["prompt"] for question in asked] == ["lift it", "stack it"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(actions=np.zeros((5, 7))), r"shape \(5, 7\), expected \(steps, 4\)"),
        (says(actions=np.full((5, 4), np.nan)), "not all finite"),
        (says(error="no such robot"), "the answer has error"),
    ],
)
def test_trouble_is_told_once_and_is_over_when_it_is(answer, told, caplog):
    async def bad_twice(socket, question):
        asked.append(1)
        good = says(actions=count_up(STEPS, SIZE))
        await (answer if len(asked) <= 2 else good)(socket, question)

    asked: list[int] = []
    with behaving(bad_twice) as address, caplog.at_level(logging.WARNING):
        asking = adviser(address)
        assert due(asking) is None and due(asking) is None
        (record,) = caplog.records
        assert record.getMessage().startswith(f"policy server {address}: ")
        assert record.getMessage().split(" (told once")[0] in asking.state
        with pytest.raises(AssertionError, match=told):
            raise AssertionError(asking.state)
        assert due(asking) == [0, 1, 2, 3, 4, 5]
    assert asking.state == "1 plans with its answer, 2 without"


def test_a_server_that_is_gone_is_told_and_does_not_stop_planning(caplog):
    asking = adviser("localhost:1")
    with caplog.at_level(logging.WARNING):
        assert due(asking) is None and due(asking) is None
    assert len(caplog.records) == 1 and "cannot be reached" in caplog.text
