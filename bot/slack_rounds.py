"""The loop of a writer to Slack: a round, then a rest until there may be something to do or somebody rings."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.errors import BelayError

log = logging.getLogger(__name__)

#: Seconds after a ring in which further ones are waited for: entries come in bursts, and one edit shows them all.
COALESCE_S = 0.1


@dataclass(slots=True)
class Rounds:
    what: str  #: what waits if a round fails, for the log
    trouble: str = ""  #: what the last round failed with
    ending: bool = False
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._rung.set()

    def end(self) -> None:
        """What is under way is finished first: a call and its record belong together."""
        self.ending = True
        self._rung.set()

    async def run(self, one: Callable[[], Awaitable[float]], *, tick_s: float) -> None:
        """
        Play *one* round after another until told to end; each returns the seconds to the next.

        After one that the database or Slack did not let happen the next comes in *tick_s*.
        """
        while not self.ending:
            self._rung.clear()
            try:
                wait_s = await one()
                self.trouble = ""
            except BelayError as error:
                log.warning("%s wait: %s", self.what, error)
                self.trouble, wait_s = str(error), tick_s
            await self._rest(wait_s)

    async def _rest(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._rung.wait(), wait_s)
        except TimeoutError:
            return
        if not self.ending:
            await asyncio.sleep(COALESCE_S)
