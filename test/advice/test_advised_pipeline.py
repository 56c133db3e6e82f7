"""A pipeline asks a policy server: in step with the arm, and unharmed by a bad one."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import CONFIG, SEARCH, frames, tiny_model

pytest.importorskip("msgpack", reason="policy servers are an extra")

from toy_policy_server import behaving, count_up, says

from wm_planner.assembly import build_pipeline
from wm_planner.commands.serve import ServeConfig
from wm_planner.errors import UserError
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlanningError

CHUNK = count_up(12, CONFIG.action_size)
PROPRIO = np.zeros(CONFIG.proprio_size, np.float32)


def following(address: str, **settings) -> Pipeline:
    search = replace(SEARCH, planner="server", server=address, server_wait_ms=5000.0, **settings)
    running = build_pipeline(tiny_model(), search)
    running.reset(seed=0)
    return running


def step_of(running: Pipeline, step: int, **view) -> int:
    """Which action of the chunk the plan begins with."""
    plan = running.think(frames(step), PROPRIO, **view).plan
    return round(float(plan.actions[0, 0, 0]) * 100)


def test_the_policy_is_followed_from_where_the_plan_begins():
    with behaving(says(actions=CHUNK)) as address:
        prompt = following(address, action_delay=0.0)
        late = following(address, action_delay=0.2)
        assert [step_of(prompt, n) for n in range(4)] == [0, 0, 0, 0]
        assert [step_of(late, n) for n in range(4)] == [0, 1, 2, 2]
        assert step_of(prompt, 4, age=0.1) == 1


def test_an_answer_is_kept_in_step_until_the_arm_did_something_else():
    async def first_only(socket, question):
        asked.append(question)
        if len(asked) == 1:
            await says(actions=CHUNK)(socket, question)

    asked: list[dict] = []
    with behaving(first_only) as address:
        running = following(address, action_delay=0.0)
        assert step_of(running, 0) == 0
        running.adviser._config = replace(running.adviser._config, wait=0.01)
        assert [step_of(running, 1), step_of(running, 2, steps=3)] == [1, 4]
        running.forget_actions()
        with pytest.raises(PlanningError):
            step_of(running, 3)


@pytest.mark.parametrize("bad", ["silent", "nan", "shape", "closes"])
def test_a_bad_server_changes_nothing(bad):
    async def answer(socket, question):
        if bad == "closes":
            await socket.close()
        elif bad == "silent":
            await asyncio.sleep(30)
        else:
            wrong = CHUNK * np.nan if bad == "nan" else CHUNK[:, :2]
            await says(actions=wrong)(socket, question)

    with behaving(answer) as address:
        search = replace(SEARCH, server=address, server_wait_ms=50.0)
        asking = build_pipeline(tiny_model(), search)
        alone = build_pipeline(tiny_model(), SEARCH)
        for running in (asking, alone):
            running.reset(seed=5)
        for step in range(3):
            plans = [running.think(frames(step), PROPRIO).plan for running in (asking, alone)]
            assert torch.equal(plans[0].actions, plans[1].actions)
    assert asking.adviser is not None and "3 without" in asking.adviser.state


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "give either --model or --policy"),
        ({"model": "grasp", "planner": "magic"}, "unknown planner 'magic'; there is .*prior"),
        ({"model": "grasp", "steps": 0}, "steps is 0, expected 1 to 100"),
        ({"model": "grasp", "port": 70000}, "port is 70000, expected 0 to 65535"),
    ],
)
def test_what_cannot_be_served_is_told(wrong, told):
    with pytest.raises(UserError, match=told):
        ServeConfig(**wrong)
