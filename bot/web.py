"""The bot's own web server: is it alive, can it work, how much is going on; and what automation records."""

from collections.abc import Callable, Mapping

from aiohttp import web

from bot.web_records import Records
from bot.wiring import Parts
from core.errors import StoreUnavailableError

#: Slack's signed requests come in here too, with a whole board in them.
MAX_BODY_BYTES = 1_048_576

Health = Callable[[], Mapping[str, object]]


class Web:
    """Routes: GET /healthz /readyz /metrics, and those of `bot.web_records`."""

    def __init__(self, parts: Parts, chat_health: Health) -> None:
        self._parts = parts
        self._chat_health = chat_health
        self.app = web.Application(client_max_size=MAX_BODY_BYTES)
        self.app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                *Records(parts).routes(),
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
            active = await tx.count_active()
        lines = [
            "# HELP belay_runs_active Runs that have not ended.",
            "# TYPE belay_runs_active gauge",
            f"belay_runs_active {active}",
            "# HELP belay_runs_driven Runs this process drives.",
            "# TYPE belay_runs_driven gauge",
            f"belay_runs_driven {self._parts.engine.driving}",
            "# HELP belay_runs_stalled Runs whose driver broke.",
            "# TYPE belay_runs_stalled gauge",
            f"belay_runs_stalled {len(self._parts.engine.stalled)}",
        ]
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")
