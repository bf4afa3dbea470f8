"""Keeps the workspace to this machine: other hosts, and pages of other sites, get nothing."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A foreign Host would be DNS rebinding, a foreign Origin another page driving this one."""
    host = urlsplit(f"//{request.host}").hostname
    if request.remote not in _LOOPBACK or host not in _LOOPBACK:
        return web.Response(status=403, text="this workspace answers on loopback only")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return web.Response(status=403, text="this workspace answers its own page only")
    return await handler(request)
