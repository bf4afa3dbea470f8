"""
The one writer of boards: posts them, and edits each until it shows the newest state.

Versions are journal numbers: the latest wins, an older one is never shown after it, what lies between is dropped, and
an ending is never dropped. Nothing that runs waits for this.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import views
from bot.slack_accounts import NETWORK_ERRORS, error_code, is_away, why
from bot.slack_budget import Budget, spacing_s
from bot.slack_missed import may_pass
from bot.slack_whole import whole
from core.errors import BelayError
from core.ports import Clock, Service
from core.run import RunView
from core.run_states import RunStatus
from store.database import Store
from store.records import Board

log = logging.getLogger(__name__)

#: Seconds between two looks when nothing happens: elapsed times move, and another process may have written.
TICK_S = 5.0
#: Seconds after a ring in which further ones are waited for.
COALESCE_S = 0.1
#: A board younger than this was never posted before, if this writer was there already; any other may have been.
MAYBE_POSTED = timedelta(seconds=10)
#: Seconds a board that Slack refuses is left alone.
REFUSED_S = 60.0
#: The bot's own reactions under a new board: one click for who agrees or objects.
SEEDS = ("white_check_mark", "no_entry_sign")
#: The message is gone or can no longer be edited: the run gets a new board.
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "cant_update_replies")
_TOO_MUCH = ("msg_blocks_too_long", "msg_too_long", "invalid_blocks", "invalid_blocks_format")
_NEEDS = (RunStatus.NEEDS_PERSON, RunStatus.STUCK)
_MOVING = (RunStatus.CLAIMED, RunStatus.RUNNING, RunStatus.UNWINDING)


@dataclass(slots=True)
class Shown:
    """What this process remembers of a board; a start begins with nothing and shows all of them once."""

    status: RunStatus | None = None
    next_s: float = 0.0  #: not edited before, unless it is urgent
    rests_until_s: float = 0.0  #: Slack refused it, or was away
    failures: int = 0  #: in a row
    posted: str = ""  #: a message that could not be written down yet
    fresh_s: float = 0.0  #: when its elapsed times were last shown


@dataclass(slots=True)
class Boards:
    client: AsyncWebClient
    store: Store
    service: Service
    clock: Clock
    placed: Callable[[str], None]  #: called with the run when its board has got its message
    budget: Budget = field(default_factory=Budget)
    posts: Budget = field(default_factory=lambda: Budget(most=50, reserve=0))
    tick_s: float = TICK_S
    gap_s: float = 1.5
    ending: bool = False
    trouble: str = ""  #: the last one, "" while all is well
    began_at: datetime | None = None  #: what came before may have been posted by a writer that is gone
    _memory: dict[str, Shown] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """What is under way is finished first: a call and its record belong together."""
        self.ending = True
        self._wake.set()

    async def run(self) -> None:
        """Work until told to end."""
        self.began_at = self.clock.now()
        while not self.ending:
            self._wake.clear()
            try:
                wait_s = await self._round()
            except BelayError as error:
                log.warning("boards are behind: %s", error)
                self.trouble, wait_s = str(error), self.tick_s
            await self._rest(wait_s)

    async def _rest(self, wait_s: float) -> None:
        """Until somebody rings, at most *wait_s*. Entries come in bursts; one edit shows them all."""
        try:
            await asyncio.wait_for(self._wake.wait(), wait_s)
        except TimeoutError:
            return
        await asyncio.sleep(COALESCE_S)

    async def _round(self) -> float:
        """Show what may be shown now. Returns the seconds until there may be more to do."""
        async with self.store.look() as tx:
            watched = await tx.boards_to_watch()
        self._forget({board.run_id for board, _ in watched})
        live = sum(not status.ended for _, status in watched)
        waits = [self.tick_s]
        for board, status in sorted(watched, key=_rank):
            wait_s = self._wait_s(board, status, live)
            if wait_s <= 0:  # a run is read when it is shown, not at each ring: there may be fifty
                wait_s = await self._show(board, await self.service.run(board.run_id), live)
            waits.append(wait_s)
        return max(0.05, min(waits))

    def _wait_s(self, board: Board, status: RunStatus, live: int) -> float:
        """Seconds until this board may be brought up to date, 0 for now; the time of a tick if nothing is new."""
        memory, now_s = self._memory.setdefault(board.run_id, Shown()), time.monotonic()
        if now_s < memory.rests_until_s:
            return memory.rests_until_s - now_s
        if not board.ts:
            return self.posts.wait_s(now_s, urgent=True)
        stale = now_s - memory.fresh_s >= max(self.tick_s, 2 * spacing_s(live, self.gap_s))
        if board.wanted <= board.shown and not (status in _MOVING and stale):
            return self.tick_s
        urgent = _urgent(status, memory)
        wait_s = self.budget.wait_s(now_s, urgent=urgent)
        return wait_s if urgent else max(wait_s, memory.next_s - now_s)

    async def _show(self, board: Board, view: RunView, live: int) -> float:
        memory = self._memory[board.run_id]
        if not board.ts:
            return await self._guarded(self._post(board, view, memory), self.posts, memory)
        return await self._guarded(self._edit(board, view, memory, live), self.budget, memory)

    async def _guarded(self, doing: Coroutine[Any, Any, None], budget: Budget, memory: Shown) -> float:
        """One call. What goes wrong holds up this board, or for 429 this method, and nothing else."""
        try:
            await whole(doing)
        except NETWORK_ERRORS as error:
            self.trouble = why(error)
            if self.trouble == "ratelimited":
                retry_s = retry_after_s(error)
                budget.refused(time.monotonic(), retry_s)
                log.info("Slack wants fewer calls; boards rest for %g s", retry_s)
                return retry_s
            memory.failures += 1
            rest_s = min(30.0, 0.5 * 2**memory.failures) if is_away(error) else REFUSED_S
            log.warning("a board is behind: %s; tried again in %g s", self.trouble, rest_s)
            memory.rests_until_s = time.monotonic() + rest_s
            return rest_s
        memory.failures, self.trouble = 0, ""
        return self.tick_s

    async def _post(self, board: Board, view: RunView, memory: Shown) -> None:
        ts = memory.posted or await self._posted_before(board, view, memory)
        shown = 0 if ts else view.state.seq
        if not ts:
            self.posts.spend(time.monotonic())
            message = views.board(view, self.clock.now())
            metadata = {"event_type": "belay", "event_payload": _mark(board, view)}
            answer = await self._send(self.client.chat_postMessage, message, channel=board.channel, metadata=metadata)
            ts = memory.posted = str(answer["ts"])
        async with self.store.begin() as tx:
            await tx.place_board(board.run_id, board.channel, ts)
            await tx.shown(board.run_id, shown, self.clock.now())
        memory.posted = ""
        self._remember(memory, view, live=1)
        if view.state.status is RunStatus.WAITING:
            await self._seed(board.channel, ts)
        self.placed(board.run_id)

    async def _posted_before(self, board: Board, view: RunView, memory: Shown) -> str:
        """
        Return the message of a board that was posted and then not written down (a crash, a lost answer), or "".

        It is looked for only where that may be, and found only where the app may read the channel
        (`channels:history`, optional); else the run gets another board, and only that one takes decisions.
        """
        asked_at = view.run.created_at
        fresh = self.began_at is not None and asked_at > self.began_at and self.clock.now() - asked_at < MAYBE_POSTED
        if not memory.failures and (board.ts or fresh):
            return ""
        try:
            answer = await self.client.conversations_history(
                channel=board.channel, limit=100, include_all_metadata=True, oldest=str(view.run.created_at.timestamp())
            )
        except SlackApiError as error:
            if may_pass(error):  # that says nothing about the board
                raise
            log.info("the board of %s may stand twice: %s", board.run_id, error_code(error))
            return ""
        for message in answer.get("messages") or ():
            mark = (message.get("metadata") or {}).get("event_payload")
            if mark == _mark(board, view) and message["ts"] != board.ts:
                return str(message["ts"])
        return ""

    async def _seed(self, channel: str, ts: str) -> None:
        for name in SEEDS:
            try:
                await self.client.reactions_add(channel=channel, timestamp=ts, name=name)
            except NETWORK_ERRORS as error:
                log.info("the board has no :%s: of Belay's own: %s", name, why(error))

    async def _edit(self, board: Board, view: RunView, memory: Shown, live: int) -> None:
        if view.state.seq < board.shown:
            return  # read before the last edit was; the next round reads anew
        message = views.board(view, self.clock.now())
        self.budget.spend(time.monotonic())
        try:
            await self._send(self.client.chat_update, message, channel=board.channel, ts=board.ts)
        except SlackApiError as error:
            if error_code(error) not in _GONE:
                raise
            log.warning("the board of %s is gone (%s); it gets a new one", board.run_id, error_code(error))
            await self._post(board, view, memory)
            return
        async with self.store.begin() as tx:
            await tx.shown(board.run_id, view.state.seq, self.clock.now())
        self._remember(memory, view, live=live)

    async def _send(self, method: Callable[..., Awaitable[Any]], message: views.Message, **where: Any) -> Any:
        """Call *method*; should Slack find the blocks too much, the sentence alone: what happened has to land."""
        quiet = {"unfurl_links": False, "unfurl_media": False} if "ts" not in where else {}
        try:
            return await method(text=message.text, blocks=message.blocks, **where, **quiet)
        except SlackApiError as error:
            if error_code(error) not in _TOO_MUCH:
                raise
            log.exception("Slack does not take the blocks of a board; its sentence is shown alone")
            return await method(text=message.text, blocks=[], **where, **quiet)

    def _remember(self, memory: Shown, view: RunView, *, live: int) -> None:
        now_s = time.monotonic()
        memory.status, memory.fresh_s, memory.next_s = view.state.status, now_s, now_s + spacing_s(live, self.gap_s)

    def _forget(self, known: set[str]) -> None:
        for run_id in set(self._memory) - known:
            del self._memory[run_id]


def _urgent(status: RunStatus, memory: Shown) -> bool:
    """An ending, or a run that begins to need a person, goes out at once and may use the reserve."""
    return status.ended or (status in _NEEDS and memory.status is not status)


def _rank(pair: tuple[Board, RunStatus]) -> tuple[bool, bool, bool]:
    board, status = pair
    return (not status.ended, bool(board.ts), status not in _NEEDS)


def _mark(board: Board, view: RunView) -> dict[str, str]:
    """What is hidden in a board's message, to know it again. Run numbers begin anew with a new database."""
    return {"key": f"{board.run_id}/board", "digest": view.run.digest, "at": view.run.created_at.isoformat()}


def retry_after_s(error: BaseException) -> float:
    """Return the seconds Slack asks to wait; 30 where it does not say."""
    try:
        given = error.response.headers if isinstance(error, SlackApiError) else {}
        headers = {str(key).lower(): value for key, value in given.items()}
        return max(0.5, float(headers["retry-after"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 30.0
