"""Servers that are late, wrong or gone: each is told apart, and the next question is as good."""

import asyncio
import time

import numpy as np
import pytest

pytest.importorskip("msgpack", reason="policy servers are an extra")

from toy_policy_server import behaving, says

from wm_planner.advice import client
from wm_planner.advice.client import PolicyClient, ServerError
from wm_planner.advice.wire import pack
from wm_planner.errors import UserError

IMPATIENT = 0.3  # s, where no answer comes
PATIENT = 20.0  # s, on a machine that others use too


async def text(socket, _question):
    await socket.send_str("Traceback:\n  ...\nRuntimeError: out of memory\n")


async def rubbish(socket, _question):
    await socket.send_bytes(b"\xc1 nothing that msgpack says")


async def huge(socket, _question):
    await socket.send_bytes(pack({"actions": np.zeros(2**16)}))


async def close(socket, _question):
    await socket.close()


async def silent(_socket, _question):
    await asyncio.sleep(30)


async def abort(socket, _question):
    socket._req.transport.abort()


BAD = [
    (text, "it went wrong: RuntimeError: out of memory$"),
    (rubbish, "no message"),
    (huge, "a message has at most 65536 bytes"),
    (close, "closed the connection instead of answering"),
    (abort, "closed the connection|cannot be reached|went wrong"),
    (silent, "said nothing for 0.3 s"),
]


@pytest.mark.parametrize(("bad", "told"), BAD, ids=[bad.__name__ for bad, _ in BAD])
def test_a_bad_answer_says_what_is_wrong_and_the_next_is_as_good(bad, told, monkeypatch):
    monkeypatch.setattr(client, "MOST_BYTES", 2**16)
    asked = []

    async def bad_once(socket, question):
        asked.append(question["n"])
        await (bad if len(asked) == 1 else says(n=question["n"]))(socket, question)

    with behaving(bad_once) as address:
        asking = PolicyClient(address, IMPATIENT if bad is silent else PATIENT)
        with pytest.raises(UserError, match=told):
            asking.ask({"n": 1}).result(30)
        asking._line._patience = PATIENT
        assert asking.ask({"n": 2}).result(30) == {"n": 2}
        assert asking.ask({"n": 3}).result(30) == {"n": 3}
    assert asked == [1, 2, 3]


def test_a_late_answer_is_not_taken_for_that_to_the_next_question():
    async def late_once(socket, question):
        if question["n"] == 1:
            await asyncio.sleep(2 * IMPATIENT)
        await says(n=question["n"])(socket, question)

    with behaving(late_once) as address:
        asking = PolicyClient(address, IMPATIENT)
        with pytest.raises(ServerError, match="said nothing"):
            asking.ask({"n": 1}).result(30)
        asking._line._patience = PATIENT
        assert asking.ask({"n": 2}).result(30) == {"n": 2}


def test_asking_does_not_wait():
    with behaving(silent) as address:
        asking = PolicyClient(address, PATIENT)
        started = time.monotonic()
        answers = [asking.ask({"n": n}) for n in range(3)]
        assert time.monotonic() - started < 1
        assert not any(answer.done() for answer in answers)


def test_a_server_that_does_not_greet_is_no_policy_server():
    with (
        behaving(says(n=1), greets=False) as address,
        pytest.raises(ServerError, match="whether it speaks openpi's protocol"),
    ):
        PolicyClient(address, IMPATIENT).metadata()


def test_metadata_is_what_the_server_says_of_itself():
    with behaving(says(n=1)) as address:
        assert PolicyClient(f"ws://{address}", PATIENT).metadata() == {"policy": "toy"}


def test_a_server_that_is_not_there_can_come_later():
    with behaving(says(n=1)) as address:
        port = int(address.rpartition(":")[2])
    asking = PolicyClient(address, PATIENT)
    with pytest.raises(ServerError, match=r"cannot be reached.*`wm_planner serve`"):
        asking.metadata()
    with behaving(says(n=1), port=port):
        assert asking.ask({}).result(30) == {"n": 1}


@pytest.mark.parametrize("address", ["http://localhost:8000", "localhost:port", "no host:1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(UserError, match=r"expected host:port|cannot be reached"):
        PolicyClient(address, PATIENT).metadata()


def test_the_thread_ends_with_the_client():
    asking = PolicyClient("localhost:1", PATIENT)
    loop = asking._loop
    assert loop.is_running()
    del asking
    deadline = time.monotonic() + 5
    while loop.is_running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not loop.is_running()
