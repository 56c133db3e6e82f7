"""Serves the page and keeps time; one thread of its own owns model and simulation."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
from aiohttp import WSMsgType, web

from wm_planner.errors import UserError
from wm_planner.play.branches import Branch
from wm_planner.play.export import strip_of, write_video
from wm_planner.play.game import Game
from wm_planner.play.starts import Start, from_dataset, from_pictures
from wm_planner.play.web.commands import Held, obey
from wm_planner.play.web.guard import guard
from wm_planner.play.web.seen import seen

HOST = "127.0.0.1"  # nobody else's business
_HERE = Path(__file__).parent
_STATIC = {"/": "page.html", "/page.js": "page.js", "/style.css": "style.css"}
_MOST_BYTES = 2**26  # of the pictures to start from
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Server:
    """A game, and all who look at it."""

    def __init__(self, game: Game, thread: ThreadPoolExecutor, title: str, rate_hz: float) -> None:
        """`thread`, of one worker, is the only one to touch `game` from now on."""
        self._game, self._thread, self._rate_hz = game, thread, rate_hz
        self._held, self._pages = Held(), set[web.WebSocketResponse]()
        cameras, network = game.dream.cameras, title
        self._about = {"title": network, "cameras": list(cameras), "rate_hz": rate_hz}

    def application(self) -> web.Application:
        """What is served."""
        app = web.Application(middlewares=[guard], client_max_size=_MOST_BYTES)
        for place, name in _STATIC.items():
            app.router.add_get(place, _file(name))
        app.router.add_get("/play", self._play)
        app.router.add_post("/pictures", self._pictures)
        app.router.add_post("/dataset", self._dataset)
        app.router.add_get("/video.mp4", self._video)
        app.router.add_get("/strip.png", self._strip)
        app.cleanup_ctx.append(self._clock)
        return app

    async def _clock(self, _app: web.Application) -> AsyncIterator[None]:
        """Control steps, as long as the application runs."""
        task = asyncio.create_task(self._tick_for_ever())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _tick_for_ever(self) -> None:
        clock, period = asyncio.get_running_loop().time, 1 / self._rate_hz
        due = clock()
        while True:
            due = max(due + period, clock())
            await asyncio.sleep(due - clock())
            if not self._pages:
                self._held.release()
                continue
            intent = self._held.intent()
            if await self._asked(partial(self._game.tick, intent)):
                await self._show()

    async def _call(self, do: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    async def _asked(self, do: Callable[[], _T]) -> _T | None:
        """Do it; the pages are told what is wrong if it cannot be done."""
        try:
            return await self._call(do)
        except UserError as error:
            await self._tell({"error": str(error)})
        except Exception:
            _log.exception("the game went wrong")
            await self._tell({"error": "something went wrong; the terminal says what"})
        await self._show()
        return None

    async def _show(self) -> None:
        await self._tell(await self._call(lambda: seen(self._game.view())))

    async def _tell(self, what: dict[str, Any]) -> None:
        text = json.dumps(what)
        for page in list(self._pages):
            with contextlib.suppress(ConnectionError, RuntimeError):
                await page.send_str(text)

    async def _play(self, request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse(heartbeat=10, max_msg_size=2**16)
        await page.prepare(request)
        await page.send_str(json.dumps({"about": self._about}))
        self._pages.add(page)
        await self._show()
        try:
            async for message in page:
                if message.type is WSMsgType.TEXT:
                    await self._hear(message.data)
        finally:
            self._pages.discard(page)
            self._held.release()
        return page

    async def _hear(self, text: str) -> None:
        try:
            message = json.loads(text)
            match message:
                case {"do": "hold", "keys": list(k), "pressed": list(p), "stick": list(s)}:
                    self._held.hear(k, p, s)
                    return
        except (ValueError, RecursionError) as error:
            await self._tell({"error": str(error)})
            return
        await self._asked(lambda: obey(self._game, message))
        await self._show()

    async def _pictures(self, request: web.Request) -> web.Response:
        form = await request.post()
        files = {
            str(name): part.file.read()
            for name, part in form.items()
            if isinstance(part, web.FileField)
        }
        return await self._begin(lambda: from_pictures(files, self._game.dream.cameras))

    async def _dataset(self, request: web.Request) -> web.Response:
        form = await request.post()

        def start() -> Start:
            try:
                episode, step = (int(str(form.get(name, ""))) for name in ("episode", "step"))
            except ValueError as error:
                raise UserError("episode and step must be whole numbers, from 0 on") from error
            path = Path(str(form.get("path", ""))).expanduser()
            return from_dataset(path, episode, step, self._game.dream.cameras)

        return await self._begin(start)

    async def _begin(self, start: Callable[[], Start]) -> web.Response:
        try:
            await self._call(lambda: self._game.start(start()))
        except UserError as error:
            return web.Response(status=400, text=str(error))
        await self._show()
        return web.Response(text="begun")

    async def _video(self, request: web.Request) -> web.Response:
        branches = await self._wanted(request)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "play.mp4"
            await asyncio.to_thread(write_video, path, branches, self._rate_hz)
            return _download(path.read_bytes(), "video/mp4", "play.mp4")

    async def _strip(self, request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(strip_of, await self._wanted(request))
        _, png = cv2.imencode(".png", picture[:, :, ::-1])
        return _download(png.tobytes(), "image/png", "play.png")

    async def _wanted(self, request: web.Request) -> list[Branch]:
        """The branches named in a request, as they are now."""
        names = request.query.getall("branch", [])

        def found() -> list[Branch]:
            branches = self._game.branches
            own = [branches.branch(name) for name in names] or [branches.current]
            return [branch._replace(moments=list(branch.moments)) for branch in own]

        try:
            return await self._call(found)
        except UserError as error:
            raise web.HTTPBadRequest(text=str(error)) from error


def _file(name: str) -> Callable[[web.Request], Any]:
    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(_HERE / name)

    return send


def _download(data: bytes, kind: str, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=data, content_type=kind, headers=headers)
