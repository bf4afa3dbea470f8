"""
The inbox: what Slack sends is written down before it is acknowledged, once, and worked off afterwards.

bolt acknowledges an event before its listener runs, so a crash would lose it; an exception in a global middleware
leaves it without an acknowledgement and Slack sends it again. Commands and clicks are never sent again: for those the
person is told at once that nothing was recorded.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from slack_bolt.response import BoltResponse

from bot.views_modal import message_modal
from core.errors import BelayError, StoreUnavailableError
from core.ports import Clock
from core.state import NewerJournalError
from store.database import Store
from store.records import InboxItem
from store.transaction import Transaction

log = logging.getLogger(__name__)

Body = Mapping[str, Any]
Handle = Callable[[InboxItem], Awaitable[None]]

#: Seconds until what is written has to be on its way to the disk: Slack waits 3 for the acknowledgement.
WITHIN_S = 2.0
#: So many things are known again as this bot's own; older ones were handled long ago.
REMEMBERED = 10_000
EVENT, COMMAND, CLICK, SUBMIT, CLOSE = "event", "command", "click", "submit", "close"
_NOT_RECORDED: Final = "Belay cannot record anything just now, so nothing was done. Try again, or ask who keeps Belay."
#: Never stored: a verification token, and bulky copies of what Slack shows anyway.
_LEFT_OUT = ("token", "authorizations")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came: a kind, and an id that is the same whenever the same thing comes again."""

    kind: str
    id: str
    user: str  #: Slack's id of who caused it: things of one person are handled in order


def envelope_of(body: Body) -> Envelope | None:
    """Return what *body* is, or None for what Belay does not know."""
    if body.get("type") == "event_callback":
        event = body.get("event") or {}
        return Envelope(EVENT, f"event:{body.get('event_id')}", str(event.get("user", "")))
    if "command" in body:
        return Envelope(COMMAND, f"command:{body.get('trigger_id')}", str(body.get("user_id", "")))
    user = str((body.get("user") or {}).get("id", ""))
    match body.get("type"):
        case "block_actions":
            return Envelope(CLICK, f"click:{body.get('trigger_id')}", user)
        case "view_submission":
            return Envelope(SUBMIT, f"submit:{body.get('trigger_id')}", user)
        case "view_closed":
            view = body.get("view") or {}
            return Envelope(CLOSE, f"close:{view.get('id')}:{view.get('hash')}", user)
        case _:
            return None


def kept(body: Body) -> dict[str, Any]:
    """What of *body* is stored. The message of a click is not: the board can be drawn anew at any time."""
    slim = {key: value for key, value in body.items() if key not in _LEFT_OUT}
    if isinstance(message := slim.get("message"), Mapping):
        slim["message"] = {key: message[key] for key in ("ts", "thread_ts", "app_id", "user") if key in message}
    if isinstance(view := slim.get("view"), Mapping):
        slim["view"] = {key: value for key, value in view.items() if key != "blocks"}
    return slim


def wish_of(item: InboxItem) -> tuple[str, ...] | None:
    """What somebody wants, if that is a whole by itself; None: the answer to something, which counts once anyway."""
    body = item.payload
    match item.kind:
        case kind if kind == COMMAND:
            return tuple(str(body.get(key, "")) for key in ("command", "user_id", "channel_id", "text"))
        case kind if kind == SUBMIT:
            return (str((body.get("user") or {}).get("id", "")), str((body.get("view") or {}).get("id", "")))
        case _:
            return None


class Inbox:
    """Takes in, hands out in the order of each person, marks as handled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        handle: Handle,
        *,
        left_for: timedelta = timedelta(0),
        holder: Callable[[], str] = str,
    ) -> None:
        """
        *left_for*: what one of several replicas left unhandled for so long is another's; 0: we are alone.

        What an older replica cannot handle, for a newer one wrote the journal, it leaves in this way too.

        *holder*: the name of this replica, which nobody alive shares. What a process of the same name left is ours at
        once.
        """
        self._store = store
        self._clock = clock
        self._handle = handle
        self._left_for = left_for
        self._holder = holder
        self._lanes: dict[str, deque[tuple[InboxItem, float]]] = {}
        self._answering: dict[str, tuple[InboxItem, str, float]] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._ours: dict[str, None] = {}  #: ids of what was taken in or handed out here, the newest last
        self.received = 0
        self.duplicates = 0

    async def take(self, envelope: Envelope, body: Body) -> bool:
        """
        Write down what came. False: it came before, and nothing more is to be done.

        It is handed out by `release`, once Slack has its answer: a dialog that is turned by the answer must not be
        turned before it.

        Raises:
            StoreUnavailableError: it could not be written down; it must not be acknowledged as done.
        """
        since_s = time.monotonic()
        now = self._clock.now()
        item = InboxItem(
            event_id=envelope.id,
            kind=envelope.kind,
            payload=kept(body),
            at=now,
            holder=self._holder(),
            held_at=now,
        )
        known = item.event_id in self._ours
        self._remember(item.event_id)  # before it can be read: `replay` may be at it in this very moment
        new = False
        try:
            new = await self._write(item)
        finally:
            if not new and not known:
                self._ours.pop(item.event_id, None)
        if not new:
            self.duplicates += 1
            log.info("%s came again and was dropped", envelope.id)
            return False
        self.received += 1
        self._answering[envelope.id] = (item, envelope.user, since_s)
        return True

    async def _write(self, item: InboxItem) -> bool:
        try:
            async with asyncio.timeout(WITHIN_S) as limit, self._store.begin(urgent=True) as tx:
                new = await tx.receive(item.event_id, item.kind, item.payload, item.at, item.holder)
                limit.reschedule(None)  # a commit on its way cannot be called back: "not written" would be a lie
        except TimeoutError as error:
            raise StoreUnavailableError(f"what came was not written down within {WITHIN_S:g} s") from error
        return new

    def _remember(self, event_id: str) -> None:
        self._ours[event_id] = None
        if len(self._ours) > REMEMBERED:
            del self._ours[next(iter(self._ours))]

    def release(self, body: Body) -> None:
        """Slack has its answer to *body*: hand it out."""
        envelope = envelope_of(body)
        if envelope is not None and envelope.id in self._answering:
            self._put(*self._answering.pop(envelope.id))

    def _put(self, item: InboxItem, user: str, since_s: float) -> None:
        """*since_s*: when it came into our hands, before that was written: a replica may freeze after any line."""
        self._remember(item.event_id)
        held = (item, since_s)
        lane = self._lanes.get(user)
        if lane is not None:
            lane.append(held)
            return
        self._lanes[user] = deque([held])
        task = asyncio.create_task(self._work(user), name=f"inbox of {user or 'nobody'}")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def replay(self) -> int:
        """
        Hand out what was written down and not handled: before a crash, or by a replica that is gone. Returns how much.

        Of other replicas' only what was left for long: what is younger may be in their hands. What this process took in
        or handed out is its own matter, whether Slack has its answer yet, and whether it is marked yet.
        """
        since_s = time.monotonic()
        async with self._store.look() as tx:
            items = [item for item in await tx.inbox(limit=1_000) if self._is_left(item)]
        if items:
            items = await self._taken_up(items)
        for item in items:
            envelope = envelope_of(item.payload)
            self._put(item, envelope.user if envelope else "", since_s)
        return len(items)

    def _is_left(self, item: InboxItem) -> bool:
        if item.event_id in self._ours:
            return False
        was_ours = not self._left_for or (bool(item.holder) and item.holder == self._holder())
        return was_ours or self._clock.now() - item.held_at >= self._left_for

    async def _taken_up(self, items: list[InboxItem]) -> list[InboxItem]:
        """Of several replicas that take up the same, one does. What its person asked for again is not done twice."""
        taken = []
        async with self._store.begin() as tx:
            now, me = self._clock.now(), self._holder()
            for item in items:
                if self._left_for and not await tx.adopt(item, me, now):
                    continue
                if await _is_asked_again(tx, item):
                    log.info("%s was asked for once more since, and that counts", item.event_id)
                    await tx.handled(item.event_id, now, note="asked for once more")
                    continue
                taken.append(replace(item, holder=me, held_at=now) if self._left_for else item)
        return taken

    async def _is_done(self, item: InboxItem) -> bool:
        """Whoever left it may have been frozen only, and has done it since."""
        try:
            async with self._store.look() as tx:
                return not await tx.is_left(item.event_id)
        except StoreUnavailableError as error:
            log.warning("%s is left to whoever takes it up next: %s", item.event_id, error)
            self._ours.pop(item.event_id, None)
            return True

    async def close(self, *, within_s: float = 2.0) -> None:
        """Let what is being handled end, for a moment. What does not is handled after the next start."""
        if self._working:
            await asyncio.wait(set(self._working), timeout=within_s)
        left = set(self._working)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _work(self, user: str) -> None:
        lane = self._lanes[user]
        try:
            while lane:
                item, since_s = lane.popleft()
                if self._is_others(since_s):
                    log.warning("%s waited here too long and is left to whoever takes it up", item.event_id)
                    self._ours.pop(item.event_id, None)
                else:
                    await self._one(item)
        finally:
            del self._lanes[user]

    def _is_others(self, since_s: float) -> bool:
        """Whether another replica may have taken it up meanwhile: this one was frozen, or is far behind."""
        return bool(self._left_for) and time.monotonic() - since_s > 0.8 * self._left_for.total_seconds()

    async def _one(self, item: InboxItem) -> None:
        if item.taken_up and await self._is_done(item):
            return
        try:
            await self._handle(item)
        except NewerJournalError as error:
            if self._left_for:
                log.warning("%s is left to a newer replica: %s", item.event_id, error)
                return
            log.warning("%s cannot be handled: %s", item.event_id, error)
        except Exception:
            # A bug. It is not tried again: what it did half-way is not known, and the person can ask once more.
            log.exception("%s could not be handled", item.event_id)
        try:
            async with self._store.begin() as tx:
                await tx.handled(item.event_id, self._clock.now())
        except BelayError as error:
            log.warning(
                "%s was handled and is not marked so; it is handled again after a start: %s", item.event_id, error
            )


async def _is_asked_again(tx: Transaction, item: InboxItem) -> bool:
    """
    Whether its person asked for the same later: a line typed again, a form sent off again.

    Slack tells people when nobody acknowledged what they did, and they do it once more. Both would be done, the first
    one when nobody expects it any more.
    """
    wish = wish_of(item)
    return wish is not None and any(wish_of(other) == wish for other in await tx.inbox_after(item))


def not_recorded(envelope: Envelope) -> BoltResponse:
    """
    Return what a person is told when nothing could be written down.

    For events there is nobody to tell; the error goes up, so that Slack sends them again.
    """
    if envelope.kind == COMMAND:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": _NOT_RECORDED})
    if envelope.kind == SUBMIT:
        view = message_modal("Not recorded", _NOT_RECORDED)
        return BoltResponse(status=200, body={"response_action": "update", "view": view})
    # Without an acknowledgement Slack shows a warning beside the button.
    return BoltResponse(status=503, body="")
