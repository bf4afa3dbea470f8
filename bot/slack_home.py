"""App Home: published when somebody opens it, and again while it changes."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient

from bot import views
from bot.slack_accounts import NETWORK_ERRORS, why
from bot.views_home import MOST_LIVE, MOST_RECENT
from core.ports import Clock, Service

log = logging.getLogger(__name__)

#: Seconds a Home is kept up to date after it was opened, and between two publications.
OPEN_S, EVERY_S = 1_800.0, 10.0
#: People whose Home is kept up to date at once.
MOST_VIEWERS = 20


@dataclass(slots=True)
class Home:
    client: AsyncWebClient
    service: Service
    clock: Clock
    every_s: float = EVERY_S
    _viewers: dict[str, float] = field(default_factory=dict)  #: user -> until when
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        if self._viewers:
            self._wake.set()

    def end(self) -> None:
        self._ending.set()
        self._wake.set()

    async def opened(self, user: str) -> None:
        self._viewers.pop(user, None)
        while len(self._viewers) >= MOST_VIEWERS:
            del self._viewers[next(iter(self._viewers))]
        self._viewers[user] = time.monotonic() + OPEN_S
        await self._publish([user])

    async def run(self) -> None:
        """Work until told to end."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._ending.is_set():
                return
            now_s = time.monotonic()
            self._viewers = {user: until for user, until in self._viewers.items() if until > now_s}
            await self._publish(list(self._viewers))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self.every_s)

    async def _publish(self, users: list[str]) -> None:
        try:
            live = await self.service.runs(active=True, limit=MOST_LIVE)
            recent = await self.service.runs(limit=MOST_LIVE + MOST_RECENT)
            known = {view.run.id for view in live}
            page = views.home([*live, *(view for view in recent if view.run.id not in known)], self.clock.now())
            for user in users:
                await self.client.views_publish(user_id=user, view=page)
        except NETWORK_ERRORS as error:
            log.info("App Home is not published: %s", why(error))
