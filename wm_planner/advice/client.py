"""Asks a policy server, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import weakref
from concurrent.futures import Future
from typing import Any, final

import aiohttp
from aiohttp import WSMsgType

from wm_planner.advice.wire import MOST_BYTES, WireError, pack, unpack
from wm_planner.errors import UserError

_SHOWN = 300  # characters of what a server says went wrong


class ServerError(UserError):
    """A policy server that is not there, says nothing, or says that it went wrong."""


@final
class PolicyClient:
    """One question after the other over one connection, made anew where it broke.

    The thread ends when nobody holds the client any more.
    """

    def __init__(self, address: str, patience: float = 10.0) -> None:
        """`address`: host:port or a ws:// address; `patience`: seconds to wait for an answer."""
        self.address = address
        loop = asyncio.new_event_loop()
        self._loop, self._line = loop, _Line(_url(address), patience)
        threading.Thread(target=loop.run_forever, name="policy client", daemon=True).start()
        weakref.finalize(self, _hang_up, loop, self._line)

    def metadata(self) -> dict[str, Any]:
        """What the server says of itself; a ServerError when it is not there."""
        try:
            return asyncio.run_coroutine_threadsafe(self._line.metadata(), self._loop).result()
        except UserError as error:
            raise ServerError(f"policy server {self.address}: {error}") from error

    def ask(self, question: dict[str, Any]) -> Future[dict[str, Any]]:
        """Its answer to come; a UserError comes instead when there is none."""
        return asyncio.run_coroutine_threadsafe(self._line.ask(pack(question)), self._loop)


class _Line:
    """The connection, inside the thread's event loop."""

    def __init__(self, url: str, patience: float) -> None:
        self._url, self._patience = url, patience
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._metadata: dict[str, Any] = {}
        self._turn = asyncio.Lock()

    async def metadata(self) -> dict[str, Any]:
        await self._in_turn(None)
        return self._metadata

    async def ask(self, question: bytes) -> dict[str, Any]:
        return await self._in_turn(question)

    async def _in_turn(self, question: bytes | None) -> dict[str, Any]:
        async with self._turn:
            try:
                return await asyncio.wait_for(self._exchange(question), self._patience)
            except BaseException as error:  # no late answer may be taken for that to the next one
                await self.close()
                if (told := self._explained(error)) is None:
                    raise
                raise told from error

    async def _exchange(self, question: bytes | None) -> dict[str, Any]:
        if self._socket is None or self._socket.closed:
            await self.close()
            self._session = aiohttp.ClientSession()
            self._socket = await self._session.ws_connect(self._url, max_msg_size=MOST_BYTES)
            self._metadata = _message(await self._socket.receive())
        if question is None:
            return self._metadata
        await self._socket.send_bytes(question)
        return _message(await self._socket.receive())

    def _explained(self, error: BaseException) -> ServerError | None:
        match error:
            case asyncio.TimeoutError():
                return ServerError(
                    f"it said nothing for {self._patience:g} s; look at its log, and whether it "
                    "speaks openpi's protocol"
                )
            case OSError() | aiohttp.ClientError():
                return ServerError(
                    f"it cannot be reached: {error}; start it, for instance with `wm_planner "
                    "serve`, or correct the address"
                )
        return None

    async def close(self) -> None:
        session, self._session, self._socket = self._session, None, None
        if session is not None:
            await session.close()


def _message(received: aiohttp.WSMessage) -> dict[str, Any]:
    match received.type:
        case WSMsgType.BINARY:
            return unpack(received.data)
        case WSMsgType.TEXT:
            lines = received.data.strip().splitlines()  # a traceback, whose last line says it
            raise WireError(f"it went wrong: {lines[-1][:_SHOWN] if lines else 'it says nothing'}")
        case WSMsgType.ERROR:
            raise WireError(f"{received.data}; a message has at most {MOST_BYTES} bytes")
    raise WireError("it closed the connection instead of answering")


def _url(address: str) -> str:
    url = address if "://" in address else f"ws://{address}"
    if not url.startswith(("ws://", "wss://")):
        raise UserError(f"server is '{address}', expected host:port, ws://... or wss://...")
    return url


def _hang_up(loop: asyncio.AbstractEventLoop, line: _Line) -> None:
    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await line.close()
        loop.stop()

    asyncio.run_coroutine_threadsafe(end(), loop)
