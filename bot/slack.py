"""
The Slack front-end: what comes in is written down and acknowledged, then handled; what is shown is written by one
outbox. Over Socket Mode, or over signed HTTP on the program's own web server.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.slack_accounts import SlackAccounts, SlackAwayError, is_rate_limited
from bot.slack_answers import Answers
from bot.slack_boards import Boards
from bot.slack_budget import Budget, edit_budget
from bot.slack_clicks import Clicks
from bot.slack_client import NO_BODIES, Identity, SlackSettings, make_client, who_am_i
from bot.slack_commands import Commands
from bot.slack_dialogs import Dialogs
from bot.slack_edits import retry_after_s
from bot.slack_home import Home
from bot.slack_inbox import CLICK, COMMAND, EVENT, SUBMIT, Inbox, envelope_of, not_recorded
from bot.slack_missed import Missed
from bot.slack_outage import Outage
from bot.slack_outbox import Outbox
from bot.slack_overview import Overviews
from bot.slack_people import People
from bot.slack_posts import Posts
from bot.slack_reactions import Reactions
from bot.slack_socket import Socket
from bot.slack_writer import MayWrite, alone
from core.errors import BelayError, StoreUnavailableError
from core.people import Account
from core.ports import Clock, Service
from store.database import Store
from store.records import InboxItem

__all__ = ["SlackFrontEnd", "SlackSettings"]

log = logging.getLogger(__name__)

#: Sockets at once: while Slack renews one, the other takes what comes.
SOCKETS = 2
#: A command or click that waited longer than this, over a crash, is not done any more: its person went on.
TOO_OLD = timedelta(minutes=5)
#: What was handled is known for so long; Slack sends nothing again after an hour or two. And how often it is let go of.
KEPT, FORGETS_EVERY_S = timedelta(days=7), 3_600.0
#: What one of several replicas has taken in and not handled for so long is handled by another.
ORPHANED = timedelta(seconds=30)
#: Seconds the start waits for the sockets.
OPENING_S = 10.0
#: Seconds at most between two tries to connect, where Slack asks for no more: an incident does not wait, and what is
#: asked then may be asked fifty times a minute and more.
CONNECT_AGAIN_S = 5.0
HTTP_PATH = "/slack/events"

Next = Callable[[], Awaitable[BoltResponse]]


class SlackFrontEnd:
    def __init__(
        self,
        settings: SlackSettings,
        *,
        store: Store,
        service: Service,
        clock: Clock,
        may_write: MayWrite = alone,  # False while another replica is the one that writes
        holder: Callable[[], str] = str,  # the name of this replica
    ) -> None:
        self._settings = settings
        self._store = store
        self._service = service
        self._clock = clock
        self._client = make_client(settings)
        self._may_write = may_write
        self._writer = make_client(settings, may_write=may_write)
        self._me: Identity | None = None
        self._session: ClientSession | None = None
        self._sockets: list[Socket] = []
        self._opening: list[asyncio.Task[None]] = []
        self._connecting: asyncio.Task[None] | None = None
        self._watching: list[asyncio.Task[None]] = []
        self._missed = Missed(store, self._count_reactions)
        self._answers = Answers(self._client, settings)
        left_for = timedelta(0) if may_write is alone else ORPHANED
        self._inbox = Inbox(store, clock, self._handle, left_for=left_for, holder=holder)
        self._taken_up = False
        self._forgets_s = 0.0
        self._app = self._bolt()

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """
        Connect. Where Slack is away, go on trying in the background: what runs does not wait for chat.

        Raises:
            SlackRefusedError: the tokens are wrong; a person has to look.
        """
        self._session = ClientSession(trust_env=False)
        self._client.session = self._writer.session = self._answers.session = self._session
        try:
            await self._connect()
        except SlackAwayError as error:
            log.warning("%s; trying again", error)
            self._connecting = asyncio.create_task(self._connect_later(), name="slack connects")

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for socket in self._sockets:
            await socket.close()
        await self._inbox.close()
        if self._me is not None:
            await self._outbox.close()
        if self._session is not None:
            await self._session.close()

    async def _connect_later(self) -> None:
        wait_s = 1.0
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self._connect()
            except SlackAwayError as error:
                log.warning("%s; trying again", error)
                asked_s = retry_after_s(error.__cause__) if is_rate_limited(error.__cause__) else 0.0
                wait_s = max(asked_s, min(CONNECT_AGAIN_S, wait_s * 2))
            except BelayError:
                log.exception("Slack cannot be connected; look at the settings and start Belay again")
                return
            else:
                return

    async def _connect(self) -> None:
        me = await who_am_i(self._client, self._settings.app_token)
        self._put_together(me)
        self._me = me
        self._outbox.start()
        if self._settings.app_token:
            await self._open_sockets()
        await self._take_up_or_later()
        self._missed.look_at_all()  # not waited for: a thousand boards take half an hour of what Slack allows
        outage = Outage(
            self._client,
            self._store,
            self._clock,
            back=self._missed.look_at_all,
            may_write=self._may_write,
            recent=self._outbox.boards.recent,
        )
        self._watching = [
            asyncio.create_task(self._missed.run(), name="slack missed reactions"),
            asyncio.create_task(outage.run(), name="slack outage"),
        ]

    def _put_together(self, me: Identity) -> None:
        client, service, clock = self._client, self._service, self._clock
        self._accounts = SlackAccounts(client, me.team_id)
        people = People(self._accounts, service)
        boards, overviews = self._edited_in_place(me)
        posts = Posts(self._writer, self._store, service, clock, me.team_id, gap_s=self._settings.post_gap_s)
        self._home = Home(client, service, clock)
        self._outbox = Outbox(boards, overviews, posts, self._home, self._may_write)
        self._dialogs = Dialogs(service=service, people=people, answers=self._answers)
        self._commands = Commands(service=service, people=people, answers=self._answers, dialogs=self._dialogs)
        self._clicks = Clicks(
            service=service, store=self._store, people=people, answers=self._answers, dialogs=self._dialogs
        )
        self._reactions = Reactions(
            service=service,
            store=self._store,
            people=people,
            answers=self._answers,
            bot_user=me.bot_user_id,
            later=self._missed.look_at,
        )

    def _edited_in_place(self, me: Identity) -> tuple[Boards, Overviews]:
        """They share what Slack allows of each method. Of posting that is about one a second in a channel."""
        gap_s, fresh_s = self._settings.edit_gap_s, self._settings.fresh_s
        edits, posts = edit_budget(gap_s), Budget(most=60, reserve=10)
        shared = (self._writer, self._store, self._service, self._clock)
        overviews = Overviews(*shared, home=me.home, budget=edits, posts=posts, gap_s=gap_s, fresh_s=fresh_s)
        return Boards(*shared, overviews, self._placed, budget=edits, posts=posts, gap_s=gap_s), overviews

    async def _open_sockets(self) -> None:
        for _ in range(SOCKETS):
            socket = Socket(self._app, self._settings.app_token, self._inbox.release, self._missed.look_at_all)
            if self._settings.loopback:
                socket.client.proxy = None
            self._sockets.append(socket)
        # The client tries until it succeeds; where that takes long, the rest of the start does not wait for it.
        self._opening = [asyncio.create_task(socket.open()) for socket in self._sockets]
        await asyncio.wait(self._opening, timeout=OPENING_S)

    async def _count_reactions(self, run_id: str) -> None:
        await self._reactions.reconcile(run_id, additions=True)

    # -- what others ask of it ---------------------------------------------------------------------------------

    def wake(self) -> None:
        """A run has changed: show it. Never blocks."""
        if self._me is not None:
            self._outbox.wake()

    def _placed(self, run_id: str) -> None:
        """A board has got its message. Who reacted before that was written down is counted now."""
        self.wake()
        self._missed.look_at(run_id)

    async def adopt(self) -> None:
        """
        Handle what a replica that is gone has taken in. One of them does it, the one that writes.

        Raises:
            StoreUnavailableError: the database takes no write.
        """
        if self._me is None or (self._taken_up and (self._may_write is alone or not self._may_write())):
            return
        if adopted := await self._inbox.replay():
            log.warning("%d things were taken in by one that is gone; they are handled here", adopted)
        self._taken_up = True

    async def _take_up_or_later(self) -> None:
        """What was left before this start. Where the database takes no write just now, the sweep does it."""
        try:
            await self.adopt()
        except StoreUnavailableError as error:
            log.warning("what was taken in before this start is not handled yet: %s", error)

    async def forget_old(self) -> None:
        """
        Let go of what was handled long ago, once an hour.

        Raises:
            StoreUnavailableError: the database takes no write.
        """
        if time.monotonic() >= self._forgets_s:
            async with self._store.begin() as tx:
                await tx.prune(self._clock.now() - KEPT)
            self._forgets_s = time.monotonic() + FORGETS_EVERY_S

    async def account(self, account_id: str) -> Account:
        """Return the account "TEAM/USER" as Slack describes it now, asked anew."""
        if self._me is None:
            return Account(id=account_id, known=False)
        return await self._accounts.by_id(account_id)

    async def reconcile(self, run_id: str) -> None:
        """
        Before the claim: take away approvals whose reaction is gone, and let vetoes count.

        Raises:
            RefusedError: Slack does not answer, and approvals given there depend on it.
        """
        if self._me is not None:
            await self._reactions.reconcile(run_id)

    def http_routes(self, app: web.Application) -> None:
        """Take Slack's signed requests at /slack/events, where there is a secret to check them with."""
        if self._settings.signing_secret and not self._settings.app_token:
            app.router.add_post(HTTP_PATH, self._over_http)
            app.router.add_get(HTTP_PATH, self._over_http)

    def health(self) -> dict[str, object]:
        """For /readyz; `connected` is what matters, the rest helps to find out why."""
        waiting = self._outbox.posts.waiting if self._me else 0
        return {
            "connected": self._connected(),
            "way": "socket" if self._settings.app_token else "http",
            "sockets": sum(socket.is_open for socket in self._sockets),
            "received": self._inbox.received,
            "duplicates": self._inbox.duplicates,
            "waiting_messages": waiting,
            "trouble": self._outbox.trouble if self._me else "",
        }

    def _connected(self) -> bool:
        if self._me is None:
            return False
        return any(socket.is_open for socket in self._sockets) if self._settings.app_token else True

    # -- what comes in -----------------------------------------------------------------------------------------

    def _bolt(self) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            """No call to Slack: who Belay is was asked once, before anything can come in."""
            me = self._me
            if me is None:
                raise SlackAwayError("Belay does not know yet who it is in this workspace")
            return AuthorizeResult(
                enterprise_id=None,
                team_id=me.team_id,
                bot_token=self._settings.bot_token,
                bot_id=me.bot_id,
                bot_user_id=me.bot_user_id,
            )

        bare = make_client(self._settings, with_token=False)
        # Without a secret nothing comes over HTTP; bolt wants some text all the same.
        app = AsyncApp(client=bare, signing_secret=self._settings.signing_secret or "-", authorize=authorize)
        logging.getLogger("slack_bolt.RequestVerification").addFilter(NO_BODIES)
        app.middleware(self._take_in)
        return app

    async def _take_in(self, body: dict[str, Any], next: Next) -> BoltResponse | None:  # noqa: A002  # bolt's name
        """
        Before the acknowledgement: is it meant for us, was it seen, and is it written down?

        The acknowledgement is what is returned. There are no listeners: bolt looks for the answer of one every 10 ms
        only, and they would have nothing to do, for what came is handled once Slack has its answer.
        """
        envelope = envelope_of(body)
        if envelope is None:
            return await next()
        if not self._is_ours(body):
            return BoltResponse(status=200, body="")
        try:
            new = await self._inbox.take(envelope, body)
        except StoreUnavailableError:
            log.exception("%s could not be written down", envelope.id)
            if envelope.kind == EVENT:
                raise  # no acknowledgement: Slack sends it again
            return not_recorded(envelope)
        turned = self._dialogs.answer_now(body) if new and envelope.kind == SUBMIT else None
        return BoltResponse(status=200, body=turned or "")

    def _is_ours(self, body: Mapping[str, Any]) -> bool:
        me = self._me
        team = str(body.get("team_id") or (body.get("team") or {}).get("id") or "")
        app = str(body.get("api_app_id") or "")
        if me is None or team != me.team_id or (me.app_id and app != me.app_id):
            log.warning("something for team %s, app %s came and was dropped; it is not meant for this bot", team, app)
            return False
        return True

    async def _over_http(self, request: web.Request) -> web.Response:
        if self._me is None:
            return web.Response(status=503, text="not connected yet")
        asked = await to_bolt_request(request)
        try:
            response = await to_aiohttp_response(await self._app.async_dispatch(asked))
            await response.prepare(request)
            await response.write_eof()
        finally:
            self._inbox.release(asked.body)
        return response

    # -- what is done about it ---------------------------------------------------------------------------------

    async def _handle(self, item: InboxItem) -> None:
        body = item.payload
        if item.kind != EVENT and self._clock.now() - item.at > TOO_OLD:
            log.warning("%s waited too long and is not done any more", item.event_id)
            return
        match item.kind:
            case kind if kind == EVENT:
                await self._on_event(body.get("event") or {})
            case kind if kind == COMMAND:
                await self._commands.on_command(body)
            case kind if kind == CLICK:
                await self._clicks.on_click(body)
            case kind if kind == SUBMIT:
                await self._dialogs.on_submit(body)
            case _:
                log.debug("nothing is done about %s", item.event_id)

    async def _on_event(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "reaction_added" | "reaction_removed":
                await self._reactions.on_event(event)
            case "app_home_opened" if event.get("tab") in ("home", None):
                await self._home.opened(str(event.get("user", "")))
            case _:
                log.debug("an event Belay has no use for: %s", event.get("type"))
