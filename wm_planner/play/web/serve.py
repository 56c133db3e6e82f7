"""`wm_planner play --web`: a page on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from wm_planner.listening import listen
from wm_planner.play.game import Game
from wm_planner.play.web.server import HOST, Server
from wm_planner.processor import configure_torch


class Page(NamedTuple):
    """What is served, and where."""

    title: str
    port: int  # 0: any that is free
    rate_hz: float
    threads: int  # processor threads of the model


async def serve(make_game: Callable[[], Game], page: Page, begun: Callable[[str], None]) -> None:
    """Serve until cancelled; `begun` is told the address.

    Raises:
        UserError: the port is taken.
    """
    thread = ThreadPoolExecutor(1, "game", initializer=partial(configure_torch, page.threads))
    loop = asyncio.get_running_loop()
    game = await loop.run_in_executor(thread, make_game)
    server = Server(game, thread, page.title, page.rate_hz)
    way_out = "choose another --port, or 0 for a free one"
    try:
        await listen(
            server.application(), HOST, page.port, lambda at: begun(f"http://{at}/"), way_out
        )
    finally:
        await loop.run_in_executor(thread, game.dream.close)
        thread.shutdown()
