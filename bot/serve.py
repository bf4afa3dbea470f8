"""`belay serve`: the bot, until a signal ends it. What runs on hosts goes on, and is collected after the next start."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.pauses import Pauses
from bot.replicas import Replicas
from bot.settings import Settings, SettingsError
from bot.slack import SlackFrontEnd, SlackSettings
from bot.slack_writer import alone
from bot.web import Web
from bot.wiring import Bell, Parts, assemble
from core.action import Executor
from core.errors import BelayError
from core.people import Account

log = logging.getLogger(__name__)

#: Seconds between two looks for requests whose time is up, and for runs that nobody drives.
SWEEP_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    parts: Parts
    chat: SlackFrontEnd
    url: str  #: of the bot's own web server


class SlackWitness:
    """Slack as the service's witness: asked fresh at every claim."""

    def __init__(self, chat: SlackFrontEnd) -> None:
        self._chat = chat

    async def account(self, account_id: str) -> Account:
        return await self._chat.account(account_id)

    async def reconcile(self, run_id: str) -> None:
        await self._chat.reconcile(run_id)


@asynccontextmanager
async def running(settings: Settings, *, ssh: Executor | None = None) -> AsyncIterator[Running]:
    """
    Start everything: the web server, the chat, and a driver for each run that was under way.

    Raises:
        SettingsError: there is no token to connect Slack with.
    """
    if not settings.has_slack:
        raise SettingsError(
            "SLACK_BOT_TOKEN is not set; README.md says how to connect a workspace, and `belay demo` needs none"
        )
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(assemble(settings, ssh=ssh, shares=settings.has_replicas))
        chat = SlackFrontEnd(
            slack_settings(settings),
            store=parts.store,
            service=parts.service,
            clock=parts.clock,
            may_write=parts.replicas.may_write if parts.replicas else alone,
            holder=parts.replicas.name if parts.replicas else str,
        )
        parts.service.witness = SlackWitness(chat)
        parts.bell.listeners.append(lambda _run_id: chat.wake())
        server = Web(parts, chat.health)
        chat.http_routes(server.app)
        url = await stack.enter_async_context(_listening(server.app, settings))
        if (replicas := parts.replicas) is not None:
            _join(parts.bell, replicas, chat)
            stack.push_async_callback(replicas.close)  # after the chat: whoever writes next finds nothing half-written
        stack.push_async_callback(chat.close)
        await (replicas or parts.engine).start()  # what runs on hosts does not wait for the chat to answer
        await chat.start()
        sweeping = asyncio.create_task(_sweep(parts, chat), name="sweep")
        stack.push_async_callback(_ended, sweeping)
        yield Running(parts=parts, chat=chat, url=url)


def _join(bell: Bell, replicas: Replicas, chat: SlackFrontEnd) -> None:
    """What changes here is told to the other replicas, and the other way round."""
    bell.listeners.append(replicas.changed)
    replicas.listeners.append(lambda _run_id: chat.wake())


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as bot:
        log.info("Belay serves; health at %s/readyz", bot.url)
        await stop.wait()
        log.info("ending; what runs on hosts goes on and is collected after the next start")
    return 0


def slack_settings(settings: Settings) -> SlackSettings:
    return SlackSettings(
        bot_token=settings.slack_bot_token.get_secret_value(),
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        api_url=settings.slack_api_url,
    )


@asynccontextmanager
async def _listening(app: web.Application, settings: Settings) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.listen_host, settings.listen_port)
    try:
        await _start(site, settings)
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _start(site: web.TCPSite, settings: Settings) -> None:
    try:
        await site.start()
    except OSError as error:
        where = f"{settings.listen_host}:{settings.listen_port}"
        raise SettingsError(f"cannot listen on {where}: {error.strerror}; set BELAY_LISTEN_PORT") from error


async def _sweep(parts: Parts, chat: SlackFrontEnd) -> None:
    pauses = Pauses()
    pauses.begin()
    while True:
        try:
            await parts.service.sweep()
            await chat.adopt()
            await chat.forget_old()
            pauses.perhaps(busy=parts.engine.driving > 0)
        except BelayError as error:
            log.warning("cannot look after waiting runs now: %s", error)
        except Exception:
            # A bug must not end the sweep: expiry and left-over claims hang on it.
            log.exception("the sweep met something it did not expect; it goes on")
        await asyncio.sleep(SWEEP_EVERY_S)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
