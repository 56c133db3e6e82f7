"""The page in a real browser, and who may use it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest
from browser import CHROMIUM, opened

from wm_planner.errors import UserError
from wm_planner.planning import PlannerConfig
from wm_planner.play.config import PlayConfig
from wm_planner.play.dream import Dream
from wm_planner.play.drivers import DreamPlanner
from wm_planner.play.game import Game
from wm_planner.play.web.serve import Page, serve

RATE = 20.0


@contextlib.asynccontextmanager
async def served(loaded) -> AsyncIterator[str]:
    """The page of a game; its address."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def begin() -> Game:
        return Game(Dream(loaded, seed=1), 1, lambda: DreamPlanner(loaded, PlannerConfig()))

    page = Page("a tiny model", 0, RATE, 1)
    task = asyncio.create_task(serve(begin, page, address.set_result))
    done, _ = await asyncio.wait([task, address], return_when=asyncio.FIRST_COMPLETED)
    assert task not in done, task.exception()
    try:
        yield await address
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt install chromium")
def test_keys_in_a_browser_move_the_dream_and_going_back_begins_another(loaded, tmp_path):
    asyncio.run(_play_in_a_browser(loaded, tmp_path))


async def _play_in_a_browser(loaded, folder: Path) -> None:
    async with served(loaded) as url, opened(url, folder / "profile") as page:
        await page.until("document.querySelectorAll('#pictures img').length === 4")
        shown = "document.querySelector('#pictures img').src"
        step = "Number(document.getElementById('step').textContent)"
        first = await page.value(shown)
        assert await page.value(step) == 0
        await page.key("d", "keyDown")
        await page.until(f"{step} >= 6")
        await page.key("d", "keyUp")
        assert await page.value(shown) != first
        await page.value("back(4)")
        await page.until(f"{step} < 6")
        await page.press("a")
        await page.until("document.querySelectorAll('.branch').length === 2")
        await page.until("document.querySelectorAll('#pictures img').length === 8")
        await page.value("document.querySelector('[data-driver=prior]').click()")
        await page.until("document.querySelector('[data-driver=prior]').classList.contains('on')")
        before = await page.value(step)
        await page.until(f"{step} >= {before} + 3")
        assert await page.value("document.getElementById('error').hidden")
        await page.screenshot(folder / "page.png")
        assert cv2.imread(str(folder / "page.png")).std() > 20  # not a blank page


def test_a_page_plays_begins_from_pictures_and_saves(loaded):
    asyncio.run(_play_by_socket(loaded))


async def _play_by_socket(loaded) -> None:
    async with served(loaded) as url, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{url}play") as socket:
            assert (await socket.receive_json())["about"]["cameras"] == ["front", "wrist"]
            assert (await socket.receive_json())["step"] == 0
            await socket.send_json({"do": "hold", "keys": ["d"], "pressed": [], "stick": [0, 0, 0]})
            seen = await socket.receive_json()
            while seen["step"] < 3:
                seen = await socket.receive_json()
            await socket.send_json({"do": "hold", "keys": [], "pressed": [], "stick": [0, 0, 0]})
            await socket.send_str("no JSON")
            while "error" not in seen:
                seen = await socket.receive_json()
        async with session.get(f"{url}video.mp4") as answer:
            assert answer.content_type == "video/mp4"
            assert len(await answer.read()) > 1000
        async with session.get(f"{url}strip.png", params={"branch": "a"}) as answer:
            picture = cv2.imdecode(np.frombuffer(await answer.read(), np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape[1] > 500
        async with session.get(f"{url}strip.png", params={"branch": "z"}) as answer:
            assert answer.status == 400
        form = aiohttp.FormData()
        for camera in ("front", "wrist"):
            png = cv2.imencode(".png", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
            form.add_field(camera, png, filename="x.png")
        async with session.post(f"{url}pictures", data=form) as answer:
            assert (answer.status, await answer.text()) == (200, "begun")
        form = {"path": "nowhere.hdf5", "episode": "0", "step": "0"}
        async with session.post(f"{url}dataset", data=form) as answer:
            assert answer.status == 400
            assert "no such dataset" in await answer.text()


def test_only_this_machines_own_page_may_play(loaded):
    asyncio.run(_knock(loaded))


async def _knock(loaded) -> None:
    async with served(loaded) as url, aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert answer.status == 200
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            text = await answer.text()
            assert "http" not in text.replace("http-equiv", "")  # nothing from elsewhere
        port = url.rstrip("/").rpartition(":")[2]
        for headers, wanted in (
            ({"Host": "evil.example"}, 403),
            ({"Host": f"evil.example:{port}"}, 403),
            ({"Host": f"localhost:{port}"}, 200),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": f"http://127.0.0.1:{port}"}, 200),
        ):
            async with session.get(url, headers=headers) as answer:
                assert answer.status == wanted, headers
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{url}play", headers={"Origin": "http://evil.example"})


def test_a_port_that_is_taken_is_said(loaded):
    async def twice() -> None:
        async with served(loaded) as url:
            port = int(url.rstrip("/").rpartition(":")[2])
            begin = lambda: Game(Dream(loaded, seed=1), 1, lambda: None)  # noqa: E731
            await serve(begin, Page("", port, RATE, 1), lambda _: None)

    with pytest.raises(UserError, match="choose another --port"):
        asyncio.run(twice())


def test_what_the_page_has_itself_is_not_given_as_well():
    with pytest.raises(UserError, match="web and keys are both given"):
        PlayConfig(web=True, keys="w*3")
    with pytest.raises(UserError, match="port is 70000"):
        PlayConfig(web=True, port=70_000)
