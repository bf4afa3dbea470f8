"""What the upgrade's automation records over HTTP: checkpoints and hops. It needs a token, and can do no more."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiohttp import web

from bot.wiring import Parts
from core.errors import BelayError, RefusedError, StoreUnavailableError, UnknownNameError
from core.ledger import Hop
from core.names import is_name
from core.people import Account, May, Person
from core.run import Actor

log = logging.getLogger(__name__)

#: A record is a name or two and a line of evidence.
MAX_RECORD_BYTES = 16_384
#: Longest evidence kept, characters.
MAX_EVIDENCE = 2_000

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Records:
    """Routes: POST /api/v1/targets/{target}/checkpoints and …/hops."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/targets/{target}/checkpoints", _answering(self._checkpoint)),
            web.post("/api/v1/targets/{target}/hops", _answering(self._hop)),
        ]

    async def _checkpoint(self, request: web.Request) -> web.Response:
        """Body: {"name": "compute-upgraded", "evidence": "job 17 on compute-2"}. 201 with the ledger's checkpoints."""
        actor = self._actor(request)
        name, evidence = _checkpoint_of(await _body(request, ("name", "evidence"), _CHECKPOINT))
        target = request.match_info["target"]
        ledger = await self._parts.service.mark(target, name, actor, evidence)
        recorded = [{"name": c.name, "at": c.at.isoformat(), "by": c.by} for c in ledger.checkpoints]
        return web.json_response({"ok": True, "target": target, "checkpoints": recorded}, status=201)

    async def _hop(self, request: web.Request) -> web.Response:
        """Body: {"from": "newton", "to": "ocata", "snapshot": "s0"}, or {"to": "ocata", "done": true}. 201 with all."""
        actor = self._actor(request)
        body = await _body(request, ("from", "to", "snapshot", "done"), _HOP)
        target, service = request.match_info["target"], self._parts.service
        if body.get("done") is True:
            if wrong := sorted({*body} - {"to", "done"}):
                raise RefusedError(f"'{wrong[0]}' is said when a hop begins, not when it is done")
            ledger = await service.end_hop(target, _release(body, "to"), actor)
        elif "done" in body:
            raise RefusedError("'done' should be true, or be left out when a hop begins")
        else:
            snapshot = _release(body, "snapshot") if "snapshot" in body else ""
            ledger = await service.begin_hop(
                target, _release(body, "from"), _release(body, "to"), actor, snapshot=snapshot
            )
        return web.json_response(
            {"ok": True, "target": target, "hops": [_said(hop) for hop in ledger.hops]}, status=201
        )

    def _actor(self, request: web.Request) -> Actor:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        for name, secret in self._parts.settings.api_tokens.items():
            # The comparison takes as long for a wrong token as for a right one; an empty one opens nothing.
            wanted = secret.get_secret_value()
            if wanted and hmac.compare_digest(given.encode(), wanted.encode()):
                person = Person(id=f"api:{name}", name=name, accounts=(f"api:{name}",), may=frozenset({May.OPERATE}))
                return Actor(person=person, account=Account(id=f"api:{name}"), way="api")
        raise web.HTTPUnauthorized(
            text='{"ok": false, "error": "send Authorization: Bearer TOKEN with a token of BELAY_API_TOKENS"}',
            content_type="application/json",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _said(hop: Hop) -> Mapping[str, str | None]:
    ended = hop.ended_at.isoformat() if hop.ended_at else None
    return {"from": hop.origin, "to": hop.destination, "began_at": hop.began_at.isoformat(), "ended_at": ended}


def _answering(handle: Handler) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handle(request)
        except UnknownNameError as error:
            return web.json_response({"ok": False, "error": str(error)}, status=404)
        except RefusedError as error:
            return web.json_response({"ok": False, "error": str(error)}, status=422)
        except StoreUnavailableError as error:
            return web.json_response({"ok": False, "error": str(error)}, status=503)
        except BelayError as error:
            log.exception("request to %s failed", request.path)
            return web.json_response({"ok": False, "error": str(error)}, status=500)

    return answer


_CHECKPOINT = '{"name": "compute-upgraded", "evidence": "job 17"}'
_HOP = '{"from": "newton", "to": "ocata"}'


async def _body(request: web.Request, known: Collection[str], example: str) -> Mapping[str, Any]:
    """
    Raises:
        RefusedError: the body is too long, is no JSON object, or has a key nobody knows.
    """
    body = await request.read()
    if len(body) > MAX_RECORD_BYTES:
        raise RefusedError(f"the body has {len(body)} bytes; {MAX_RECORD_BYTES} are allowed")
    try:
        data = json.loads(body)
    except ValueError as error:
        raise RefusedError(f"the body should be JSON: {error}") from error
    if not isinstance(data, dict):
        raise RefusedError(f"the body should be an object like {example}")
    if unknown := sorted(set(data) - set(known)):
        raise RefusedError(f"unknown key '{unknown[0]}'; known: {', '.join(known)}")
    return data


def _checkpoint_of(body: Mapping[str, Any]) -> tuple[str, str]:
    name, evidence = body.get("name"), body.get("evidence", "")
    if not isinstance(name, str) or not name:
        raise RefusedError("'name' should be the checkpoint's name")
    if not isinstance(evidence, str) or len(evidence) > MAX_EVIDENCE:
        raise RefusedError(f"'evidence' should be a text of at most {MAX_EVIDENCE} characters")
    return name, evidence


def _release(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not is_name(value):
        raise RefusedError(f"'{key}' should be one word of letters, digits, '.', '_' and '-'")
    return value
