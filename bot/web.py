"""The bot's own web server: is it alive, can it work, how much is going on; and checkpoints from automation."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.wiring import Parts
from core.errors import BelayError, RefusedError, StoreUnavailableError, UnknownNameError
from core.people import Account, May, Person
from core.run import Actor

log = logging.getLogger(__name__)

#: Slack's signed requests come in here too, with a whole board in them.
MAX_BODY_BYTES = 1_048_576
#: A checkpoint is a name and a line of evidence.
MAX_CHECKPOINT_BYTES = 16_384
#: Longest evidence kept, characters.
MAX_EVIDENCE = 2_000

Health = Callable[[], Mapping[str, object]]


class Web:
    """Routes: GET /healthz /readyz /metrics, POST /api/v1/targets/{target}/checkpoints."""

    def __init__(self, parts: Parts, chat_health: Health) -> None:
        self._parts = parts
        self._chat_health = chat_health
        self.app = web.Application(client_max_size=MAX_BODY_BYTES)
        self.app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.post("/api/v1/targets/{target}/checkpoints", self._checkpoint),
            ]
        )

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        """503 while the bot could not do its work: the database takes no write, the chat is away, a driver broke."""
        problems = []
        try:
            await self._parts.store.ping()
        except StoreUnavailableError as error:
            problems.append(str(error))
        chat = self._chat_health()
        if not chat.get("connected"):
            problems.append("the chat service is not connected")
        problems += [f"{run} cannot be driven: {why}" for run, why in sorted(self._parts.engine.stalled.items())]
        answer: dict[str, object] = {"ok": not problems, "problems": problems, "chat": dict(chat)}
        if (replicas := self._parts.replicas) is not None:
            problems += replicas.problems()
            answer["ok"], answer["replica"] = not problems, replicas.health()
        return web.json_response(answer, status=503 if problems else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        async with self._parts.store.look() as tx:
            active = await tx.runs(active=True, limit=1_000)
        lines = [
            "# HELP belay_runs_active Runs that have not ended.",
            "# TYPE belay_runs_active gauge",
            f"belay_runs_active {len(active)}",
            "# HELP belay_runs_driven Runs this process drives.",
            "# TYPE belay_runs_driven gauge",
            f"belay_runs_driven {self._parts.engine.driving}",
            "# HELP belay_runs_stalled Runs whose driver broke.",
            "# TYPE belay_runs_stalled gauge",
            f"belay_runs_stalled {len(self._parts.engine.stalled)}",
        ]
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")

    async def _checkpoint(self, request: web.Request) -> web.Response:
        """Body: {"name": "compute-upgraded", "evidence": "job 17 on compute-2"}. 201 with the ledger's checkpoints."""
        return await _answered(self._record_checkpoint, request)

    async def _record_checkpoint(self, request: web.Request) -> web.Response:
        actor = self._actor(request)
        name, evidence = _checkpoint_of(await _json(request))
        target = request.match_info["target"]
        ledger = await self._parts.service.mark(target, name, actor, evidence)
        recorded = [{"name": c.name, "at": c.at.isoformat(), "by": c.by} for c in ledger.checkpoints]
        return web.json_response({"ok": True, "target": target, "checkpoints": recorded}, status=201)

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


async def _answered(handle: Callable[[web.Request], Awaitable[web.Response]], request: web.Request) -> web.Response:
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


async def _json(request: web.Request) -> object:
    body = await request.read()
    if len(body) > MAX_CHECKPOINT_BYTES:
        raise RefusedError(f"the body has {len(body)} bytes; {MAX_CHECKPOINT_BYTES} are allowed")
    try:
        return json.loads(body)
    except ValueError as error:
        raise RefusedError(f"the body should be JSON: {error}") from error


def _checkpoint_of(body: object) -> tuple[str, str]:
    if not isinstance(body, dict):
        raise RefusedError('the body should be an object like {"name": "compute-upgraded", "evidence": "job 17"}')
    if unknown := sorted(set(body) - {"name", "evidence"}):
        raise RefusedError(f"unknown key '{unknown[0]}'; known: name, evidence")
    name, evidence = body.get("name"), body.get("evidence", "")
    if not isinstance(name, str) or not name:
        raise RefusedError("'name' should be the checkpoint's name")
    if not isinstance(evidence, str) or len(evidence) > MAX_EVIDENCE:
        raise RefusedError(f"'evidence' should be a text of at most {MAX_EVIDENCE} characters")
    return name, evidence
