"""
Telling the channel that the database takes no write, or has lost what it took: what cannot wait for the outbox.

The outbox and the boards are in the database themselves, so this is posted directly: once for each outage to every
channel with a run under way, and once when it is over. Slack being away too, it is posted as soon as it is back.

A standby that takes the primary's place may lack the last entries (asynchronous replication). That shows by the end of
the audit, which only grows: the line that was seen last is no longer there, or is another one.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import ClientConnectorError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.mrkdwn import date, escape
from bot.slack_accounts import NETWORK_ERRORS, is_away, is_rate_limited, why
from core.errors import BelayError, StoreUnavailableError
from core.ports import Clock
from store.database import Store
from store.records import AuditHead

log = logging.getLogger(__name__)

#: Seconds between two looks, and how long it has to last before people are told: a restart is not worth a message.
EVERY_S, PATIENCE_S = 5.0, 5.0
#: All replicas notice a loss; who does not come to speak for them within this many seconds leaves it to who did.
SPEAKS_WITHIN_S = 30.0


@dataclass(slots=True)
class Outage:
    client: AsyncWebClient
    store: Store
    clock: Clock
    back: Callable[[], None] = lambda: None  #: called when it is over
    may_write: Callable[[], bool] = lambda: True  #: False while another replica speaks for all of them
    recent: set[str] = field(default_factory=set)  #: channels of runs whose boards were written since the last look
    every_s: float = field(default_factory=lambda: EVERY_S)
    patience_s: float = field(default_factory=lambda: PATIENCE_S)
    _channels: tuple[str, ...] = ()  #: where runs are under way, at the last look that worked
    _since: datetime | None = None
    _to_tell: list[tuple[str, str]] = field(default_factory=list)  #: channel and text, not posted yet
    _told: tuple[str, ...] = ()  #: channels that heard of this outage
    _head: AuditHead | None = None  #: the end of the audit at the last look that worked
    _lost_at: datetime | None = None  #: when its loss was noticed, as long as nobody was told

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.look()
            await self._tell()
            await asyncio.sleep(self.every_s)

    async def look(self) -> None:
        try:
            async with self.store.begin() as tx:
                await tx.beat()
                channels = await tx.channels_under_way()
                head = await tx.audit_head()
                whole = self._head is None or await tx.still_holds(self._head)
        except StoreUnavailableError as error:
            self._is_out(error)
        except BelayError as error:
            log.info("whether the database takes writes is not known: %s", error)
        else:
            self._is_back()
            if not whole:
                self._has_lost(head)
            self._head = head
            self._say_lost({*self._channels, *channels})
            self._channels = tuple(channels) if self.may_write() else ()
            self.recent.clear()

    def _is_out(self, error: StoreUnavailableError) -> None:
        now = self.clock.now()
        self._since = self._since or now
        if not self._told and (now - self._since).total_seconds() >= self.patience_s:
            self._told = tuple(sorted({*self._channels, *self.recent}))
            self._to_tell = [(channel, _out(self._since, error)) for channel in self._told]

    def _is_back(self) -> None:
        if self._since is not None:
            heard = set(self._told) - {channel for channel, _ in self._to_tell}
            self._to_tell = [(channel, _back(self._since)) for channel in self._told if channel in heard]
            self.back()
        self._since, self._told = None, ()

    def _has_lost(self, head: AuditHead) -> None:
        log.error(
            "the database has lost its last entries: audit line %s is gone or another one; it ends at line %d now",
            self._head and self._head.n,
            head.n,
        )
        self._lost_at = self.clock.now()

    def _say_lost(self, channels: Collection[str]) -> None:
        if self._lost_at is None:
            return
        if (self.clock.now() - self._lost_at).total_seconds() > SPEAKS_WITHIN_S:
            self._lost_at = None
        elif self.may_write():
            self._to_tell += [(channel, _lost(self._lost_at)) for channel in channels]
            self._lost_at = None

    async def _tell(self) -> None:
        left = []
        for channel, text in self._to_tell:
            try:
                await self.client.chat_postMessage(channel=channel, text=text, unfurl_links=False)
            except NETWORK_ERRORS as error:
                log.warning("%s is not told about the database: %s", channel, why(error))
                if _not_posted(error):
                    left.append((channel, text))
        self._to_tell = left


def _not_posted(error: BaseException) -> bool:
    """Whether it may be posted again. An answer that was lost means that it probably stands there."""
    if isinstance(error, SlackApiError):
        return is_away(error) or is_rate_limited(error)
    return isinstance(error, ClientConnectorError)


def _out(since: datetime, error: StoreUnavailableError) -> str:
    return (
        f":warning: *Belay cannot write to its database* since {date(since)}. No step starts and no approval counts "
        f"until it can. What already runs on hosts goes on, and its outcome is collected afterwards. "
        f"Boards stand still meanwhile. For who keeps Belay: {escape(str(error), 500)}"
    )


def _lost(at: datetime) -> str:
    return (
        f":warning: *Belay's database has lost its last entries*, noticed {date(at)}: probably a standby that lagged "
        "took the primary's place. Approvals and decisions of the last moments may have to be given again. Hosts know "
        "what was started on them, and nothing is run twice; but look at what they did before you ask for a new "
        "rollback. Messages of the last moments may come again. For who keeps Belay: docs/operating.md, 'A standby'."
    )


def _back(since: datetime) -> str:
    return (
        f"Belay can write to its database again (it could not since {date(since)}). Runs under way go on; "
        "reactions given meanwhile are counted now. Who was told that nothing was recorded has to ask again."
    )
