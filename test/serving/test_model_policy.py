"""A model is served: what comes over the wire is what its prior does; bad questions are told."""

import asyncio
from dataclasses import replace

import aiohttp
import numpy as np
import pytest
import torch
from tiny_model import CONFIG, SEARCH, frames, tiny_model

pytest.importorskip("msgpack", reason="policy servers are an extra")

from toy_policy_server import serving

from wm_planner.advice.client import PolicyClient
from wm_planner.advice.names import Names
from wm_planner.assembly import build_pipeline
from wm_planner.errors import UserError
from wm_planner.planning import PlannerConfig
from wm_planner.serving.model_policy import ModelPolicy
from wm_planner.serving.server import Address, serve

STEPS = 6
PRIOR = PlannerConfig(planner="prior", horizon=STEPS)
PROPRIO = np.linspace(-1, 1, CONFIG.proprio_size, dtype=np.float32)
NAMES = Names.of(CONFIG.cameras, {})


def question(step: int = 0) -> dict:
    return NAMES.question(frames(step), PROPRIO, "")


@pytest.fixture(scope="module")
def address():
    with serving(ModelPolicy(tiny_model(), PRIOR, "cpu", seed=0)) as found:
        yield found


def test_the_answer_is_what_the_models_prior_does(address):
    acts = build_pipeline(tiny_model(), replace(SEARCH, planner="prior", horizon=STEPS))
    asking = PolicyClient(address)
    for step in range(3):
        acts.reset(seed=0)
        wanted = acts.think(frames(step), PROPRIO).plan.actions[0]
        got = asking.ask(question(step)).result(10)
        assert np.array_equal(got["actions"], wanted.numpy())
        assert got["server_timing"]["infer_ms"] > 0


def test_it_says_what_it_expects_and_what_comes(address):
    told = PolicyClient(address).metadata()
    assert set(told["observations"]) == set(question())
    assert told["actions"] == [STEPS, CONFIG.action_size]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"observation.state": np.zeros(3)}, r"shape \(3,\), expected 8 finite numbers"),
        ({"observation.state": np.full(8, np.nan)}, "expected 8 finite numbers"),
        ({"observation.state": "none"}, "no array 'observation.state' was sent"),
        ({"observation.images.front": np.zeros((4, 4, 3))}, r"type float64, expected \(h, w, 3\)"),
        ({"observation.images.wrist": np.zeros((4, 4), np.uint8)}, "expected .* uint8 RGB"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_why(address, wrong, told):
    asking = PolicyClient(address)
    with pytest.raises(UserError, match=told):
        asking.ask({**question(), **wrong}).result(10)
    assert asking.ask(question()).result(10)["actions"].shape == (STEPS, CONFIG.action_size)


def test_a_planner_is_served_as_well():
    policy = ModelPolicy(
        tiny_model(), replace(SEARCH, planner="cem", backend="eager"), "cpu", seed=0
    )
    with serving(policy) as address:
        asking = PolicyClient(address)
        got = asking.ask(question()).result(10)["actions"]
    assert got.shape == (SEARCH.horizon, CONFIG.action_size) and np.isfinite(got).all()


def test_a_pipeline_plans_from_what_is_served(address):
    search = replace(SEARCH, server=address, server_wait_ms=10_000)
    follows = build_pipeline(tiny_model(), replace(search, planner="server"))
    acts = build_pipeline(tiny_model(), replace(SEARCH, planner="prior"))
    refines = build_pipeline(tiny_model(), replace(search, use_prior=False))
    alone = build_pipeline(tiny_model(), replace(SEARCH, use_prior=False))
    plans = []
    for running in (follows, acts, refines, alone):
        running.reset(seed=3)
        plans.append(running.think(frames(0), PROPRIO).plan)
    assert torch.equal(plans[0].actions, plans[1].actions)
    assert not torch.equal(plans[2].actions, plans[3].actions)
    assert refines.adviser is not None and alone.adviser is None
    assert refines.adviser.state == "1 plans with its answer, 0 without"


def test_text_is_no_question_and_health_can_be_asked(address):
    async def ask() -> tuple[str, str]:
        async with aiohttp.ClientSession() as session:
            healthy = await (await session.get(f"http://{address}/healthz")).text()
            async with session.ws_connect(f"ws://{address}") as socket:
                await socket.receive()
                await socket.send_str("what now?")
                return healthy, (await socket.receive()).data

    assert asyncio.run(ask()) == ("OK\n", "a question is msgpack in a binary message, not text")


def test_a_port_that_is_taken_is_told(address):
    taken = Address("127.0.0.1", int(address.rpartition(":")[2]))
    policy = ModelPolicy(tiny_model(), PRIOR, "cpu", seed=0)
    with pytest.raises(UserError, match="choose another --port"):
        asyncio.run(serve(policy, taken, print))
