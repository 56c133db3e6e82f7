"""A headless Chromium, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json(timeout=30)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def value(self, script: str) -> Any:
        """What a JavaScript expression is."""
        result = await self.do("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 30.0) -> Any:
        """Wait until an expression is true."""
        ends = time.monotonic() + seconds
        while not (found := await self.value(script)):
            assert time.monotonic() < ends, f"never true: {script}"
            await asyncio.sleep(0.05)
        return found

    async def key(self, key: str, kind: str) -> None:
        """`keyDown` or `keyUp`."""
        await self.do("Input.dispatchKeyEvent", type=kind, key=key)

    async def press(self, key: str) -> None:
        await self.key(key, "keyDown")
        await self.key(key, "keyUp")

    async def screenshot(self, path: Path) -> None:
        result = await self.do("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(result["data"]))


@contextlib.asynccontextmanager
async def opened(url: str, profile: Path, size: tuple[int, int] = (1280, 1000)):
    """A page at `url`."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
        f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        port = await asyncio.to_thread(_port, process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                (page,) = [p for p in await answer.json() if p["type"] == "page"]
            address = page["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=2**26) as socket:
                browser = Browser(socket)
                await browser.do("Page.navigate", url=url)
                yield browser
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(process: subprocess.Popen[bytes]) -> int:
    """Where the browser listens, as it says."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(rb"DevTools listening on ws://127.0.0.1:(\d+)/", line):
            return int(found[1])
    raise AssertionError("the browser ended before it listened")
