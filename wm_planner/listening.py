"""A web application on a port, until it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from wm_planner.errors import UserError


async def listen(
    application: web.Application, host: str, port: int, begun: Callable[[str], None], way_out: str
) -> None:
    """Serve it; `begun` is told host:port. Port 0 is any that is free.

    Raises:
        UserError: the address cannot be had; it names `way_out`.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise UserError(f"{host}:{port}: {error.strerror}; {way_out}") from error
        begun(f"{host}:{runner.addresses[0][1]}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
