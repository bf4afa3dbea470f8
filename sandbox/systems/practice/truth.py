"""What the service itself says, asked over HTTP from outside: the judge of an upgrade and of a rollback."""

import asyncio
import hashlib
import json
from typing import Any

import aiohttp

from sandbox.hosts.host import PracticeHost
from sandbox.systems.findings import Finding
from sandbox.systems.practice import upgrade
from sandbox.systems.world import World

ASK_PATIENCE_S = 10.0


def service_url(host: PracticeHost) -> str:
    """nova-api on *host*."""
    return f"http://127.0.0.1:{host.ports['nova-api']}"


async def truth(world: World) -> tuple[Finding, ...]:
    """
    Ask nova-api on every controller and say whether all answers are right.

    Right is: HTTP 200, from the old release, with exactly the servers there were before the upgrade.
    """
    servers = world.known["servers-sha256"]
    expected = {"status": 200, "release": upgrade.ORIGIN, "servers_sha256": servers}
    controllers = world.in_role("controller")
    timeout = aiohttp.ClientTimeout(total=ASK_PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        said = await asyncio.gather(*(_ask(session, service_url(host)) for host in controllers))
    return tuple(
        Finding(
            what=f"nova-api on {host.name}",
            right=expected.items() <= one.items(),
            found=_in_words(one, servers),
        )
        for host, one in zip(controllers, said, strict=True)
    )


def _in_words(said: dict[str, Any], servers_sha256: str) -> str:
    words = f"{said['status'] or 'no answer'} from {said['release'] or '?'}"
    if said.get("error"):
        return f"{words}, {said['error']}"
    return words if said["servers_sha256"] == servers_sha256 else f"{words}, other servers than before"


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
