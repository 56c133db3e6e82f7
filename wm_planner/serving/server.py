"""A policy server, as openpi's: what it is first, then an answer to each question."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from wm_planner.advice.names import ACTIONS
from wm_planner.advice.wire import MOST_BYTES, pack, unpack
from wm_planner.errors import UserError
from wm_planner.listening import listen
from wm_planner.serving.policy import Policy

_log = logging.getLogger(__name__)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int  # 0: any that is free


async def serve(policy: Policy, address: Address, begun: Callable[[str], None]) -> None:
    """Serve until cancelled; `begun` is told the address.

    Raises:
        UserError: the address cannot be had.
    """
    thread = ThreadPoolExecutor(1, "policy")  # questions wait for each other
    application = _application(policy, thread)
    try:
        await listen(application, *address, begun, "choose another --port or --host")
    finally:
        thread.shutdown(wait=False)


def _application(policy: Policy, thread: ThreadPoolExecutor) -> web.Application:
    async def talk(request: web.Request) -> web.StreamResponse:
        return await _talk(request, policy, thread)

    async def healthy(_request: web.Request) -> web.Response:
        return web.Response(text="OK\n")

    app = web.Application()
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/", talk)
    return app


async def _talk(
    request: web.Request, policy: Policy, thread: ThreadPoolExecutor
) -> web.WebSocketResponse:
    """Answer who asks until it leaves, or asks what cannot be answered: it is told why."""
    socket = web.WebSocketResponse(max_msg_size=MOST_BYTES, compress=False)
    await socket.prepare(request)
    _log.info("%s asks", request.remote)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(pack(policy.metadata))
        async for message in socket:
            try:
                if message.type is not WSMsgType.BINARY:
                    raise UserError("a question is msgpack in a binary message, not text")
                answer = await loop.run_in_executor(thread, _answer, policy, message.data)
            except Exception as error:
                wrong = error if isinstance(error, UserError) else _broken(error)
                _log.warning("%s asked in vain: %s", request.remote, wrong)
                await socket.send_str(str(wrong))
                await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=b"see the text before")
                break
            await socket.send_bytes(answer)
    _log.info("%s has left", request.remote)
    return socket


def _answer(policy: Policy, question: bytes) -> bytes:
    asked = unpack(question)
    started = time.monotonic()
    actions: np.ndarray = policy.infer(asked)
    took: dict[str, Any] = {"infer_ms": 1e3 * (time.monotonic() - started)}
    return pack({ACTIONS: actions, "server_timing": took})


def _broken(error: Exception) -> str:
    _log.exception("the policy went wrong")
    return f"the policy went wrong: {error!r}"
