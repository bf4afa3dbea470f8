"""
Telling the channel that the database takes no write: the one message that cannot wait for the outbox.

The outbox and the boards are in the database themselves, so this is posted directly: once for each outage to every
channel with a run under way, and once when it is over. Slack being away too, it is posted as soon as it is back.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import ClientConnectorError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.mrkdwn import date, escape
from bot.slack_accounts import NETWORK_ERRORS, error_code, is_away, why
from core.errors import BelayError, StoreUnavailableError
from core.ports import Clock
from store.database import Store

log = logging.getLogger(__name__)

#: Seconds between two looks, and how long it has to last before people are told: a restart is not worth a message.
EVERY_S, PATIENCE_S = 5.0, 5.0


@dataclass(slots=True)
class Outage:
    client: AsyncWebClient
    store: Store
    clock: Clock
    back: Callable[[], None] = lambda: None  #: called when it is over
    may_write: Callable[[], bool] = lambda: True  #: False while another replica speaks for all of them
    every_s: float = field(default_factory=lambda: EVERY_S)
    patience_s: float = field(default_factory=lambda: PATIENCE_S)
    _channels: tuple[str, ...] = ()  #: where runs are under way, at the last look that worked
    _since: datetime | None = None
    _to_tell: list[tuple[str, str]] = field(default_factory=list)  #: channel and text, not posted yet
    _told: tuple[str, ...] = ()  #: channels that heard of this outage

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
        except StoreUnavailableError as error:
            self._is_out(error)
        except BelayError as error:
            log.info("whether the database takes writes is not known: %s", error)
        else:
            self._is_back()
            self._channels = tuple(channels) if self.may_write() else ()

    def _is_out(self, error: StoreUnavailableError) -> None:
        now = self.clock.now()
        self._since = self._since or now
        if not self._told and (now - self._since).total_seconds() >= self.patience_s:
            self._told = self._channels
            self._to_tell = [(channel, _out(self._since, error)) for channel in self._told]

    def _is_back(self) -> None:
        if self._since is not None:
            heard = set(self._told) - {channel for channel, _ in self._to_tell}
            self._to_tell = [(channel, _back(self._since)) for channel in self._told if channel in heard]
            self.back()
        self._since, self._told = None, ()

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
        return is_away(error) or error_code(error) == "ratelimited"
    return isinstance(error, ClientConnectorError)


def _out(since: datetime, error: StoreUnavailableError) -> str:
    return (
        f":warning: *Belay cannot write to its database* since {date(since)}. No step starts and no approval counts "
        f"until it can. What already runs on hosts goes on, and its outcome is collected afterwards. "
        f"Boards stand still meanwhile. For who keeps Belay: {escape(str(error), 500)}"
    )


def _back(since: datetime) -> str:
    return (
        f"Belay can write to its database again (it could not since {date(since)}). Runs under way go on; "
        "reactions given meanwhile are counted now. Who was told that nothing was recorded has to ask again."
    )
