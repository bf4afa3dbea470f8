"""What the service itself says, asked over HTTP from outside: the judge of an upgrade and of a rollback."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

ASK_PATIENCE_S = 10.0


async def answer(urls: Mapping[str, str], *, release: str, servers_sha256: str) -> dict[str, Any]:
    """
    Ask nova-api on every controller of *urls* (name -> URL) and say whether all answers are right.

    Right is: HTTP 200 everywhere, from *release*, with exactly the servers there were before the upgrade.
    Returns {"right": bool, "controllers": {name: {"right", "status", "release", "servers_sha256", "error"}}}.
    """
    timeout = aiohttp.ClientTimeout(total=ASK_PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        said = await asyncio.gather(*(_ask(session, url) for url in urls.values()))
    expected = {"status": 200, "release": release, "servers_sha256": servers_sha256}
    controllers = {
        name: {"right": expected.items() <= one.items(), **one} for name, one in zip(urls, said, strict=True)
    }
    return {"right": all(one["right"] for one in controllers.values()), "controllers": controllers}


async def _ask(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    try:
        async with session.get(f"{url}/servers") as response:
            body = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return {"status": None, "release": None, "servers_sha256": None, "error": str(error) or "no answer"}
    servers = body.get("servers")
    text = json.dumps(servers, sort_keys=True)
    return {
        "status": response.status,
        "release": body.get("release"),
        "servers_sha256": hashlib.sha256(text.encode()).hexdigest() if servers is not None else None,
        "error": body.get("error"),
    }
