"""Policy servers over a real local socket that behave as they are told, well or badly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from aiohttp import web

from wm_planner.advice.wire import pack, unpack
from wm_planner.serving.server import Address, serve

Answer = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]


@contextmanager
def listening(run: Callable[[Callable[[str], None]], Awaitable[None]]) -> Iterator[str]:
    """The address of `run`, which tells it to what it is given, for as long as the block lasts."""
    loop, begun, found = asyncio.new_event_loop(), threading.Event(), []

    def tell(address: str) -> None:
        found.append(address)
        begun.set()

    def work() -> None:
        nonlocal task
        task = loop.create_task(run(tell))
        task.add_done_callback(lambda _: loop.stop())
        loop.run_forever()
        loop.close()

    task: asyncio.Task | None = None
    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)


def serving(policy, port: int = 0):
    """Our own server."""
    return listening(lambda begun: serve(policy, Address("127.0.0.1", port), begun))


def behaving(answer: Answer, greets: bool = True, port: int = 0):
    """A server that treats each question as `answer` says."""

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        if greets:
            await socket.send_bytes(pack({"policy": "toy"}))
        async for message in socket:
            await answer(socket, unpack(message.data))
        return socket

    async def run(begun: Callable[[str], None]) -> None:
        app = web.Application()
        app.router.add_get("/", talk)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        begun(f"127.0.0.1:{runner.addresses[0][1]}")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    return listening(run)


def says(**message: Any) -> Answer:
    """Always the same message."""

    async def answer(socket: web.WebSocketResponse, _question: dict[str, Any]) -> None:
        await socket.send_bytes(pack(message))

    return answer


def count_up(steps: int, size: int) -> np.ndarray:
    """Actions (H, A) whose numbers say which step they are of: 0, 0.01, 0.02 and so on."""
    return np.repeat(np.arange(steps, dtype=np.float32)[:, None] / 100, size, axis=1)
