"""Only the page itself may play, though any page in the same browser can send requests here.

A request whose Host is another name comes through a name that somebody made point to this machine
(DNS rebinding); one with another Origin comes from another page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

_NAMES = ("127.0.0.1", "localhost")
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what does not come from this machine's own page."""
    hosts = {f"{name}:{request.url.explicit_port or 80}" for name in _NAMES}
    if request.host not in hosts:
        raise web.HTTPForbidden(text=f"host is {request.host[:80]!r}, expected {_NAMES[0]}\n")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in {f"http://{host}" for host in hosts}:
        raise web.HTTPForbidden(text=f"origin is {origin[:80]!r}: only this page may play\n")
    response = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
    return response
