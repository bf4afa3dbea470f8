"""One writer at a time in this process, first come first served, but what people wait for goes first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import StoreUnavailableError


class Turns:
    """
    A lock with two queues.

    Both databases take one writer at a time. Queueing here instead of there keeps a slow disk from becoming
    "database is locked", and lets the inbox overtake twenty runs: the chat service waits for its answer.
    """

    def __init__(self) -> None:
        self._busy = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, *, urgent: bool, within_s: float) -> AsyncIterator[None]:
        """
        Raises:
            StoreUnavailableError: the turn did not come within *within_s*.
        """
        try:
            async with asyncio.timeout(within_s):
                await self._take(self._urgent if urgent else self._others)
        except TimeoutError as error:
            raise StoreUnavailableError(
                f"the database took no write for {within_s:.0f} s: look at its disk and its load; nothing was recorded"
            ) from error
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._busy:
            self._busy = True
            return
        mine = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it was handed to us in the same moment: hand it on
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for queue in (self._urgent, self._others):
            while queue:
                waiting = queue.popleft()
                if not waiting.done():
                    waiting.set_result(None)
                    return
        self._busy = False
