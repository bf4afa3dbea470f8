"""
Reactions that no event told about: counted after a start, and after each time Slack or the network was away.

Slack repeats an event for some minutes only. What was given or taken back while nobody listened stands on the board all
the same, so the boards of all waiting runs are read again; one that cannot be read is read later, until it was.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.slack_accounts import NETWORK_ERRORS, is_away, is_rate_limited
from bot.slack_whole import whole
from core.errors import BelayError, ConflictError, StoreUnavailableError
from store.database import Store

log = logging.getLogger(__name__)

#: Seconds until a board that could not be read is read again; doubled each time, up to the most.
AGAIN_S, MOST_S = 0.5, 30.0
#: Slack allows about 50 looks a minute: after the first ones they keep this distance, seconds.
AT_ONCE, GAP_S = 20, 1.5
#: Boards in one round that could not be read, before the rest is left for later.
MOST_FAILURES = 3


@dataclass(slots=True)
class Missed:
    store: Store
    reconcile: Callable[[str], Coroutine[Any, Any, None]]
    _pending: dict[str, None] = field(default_factory=dict)
    _all: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def look_at(self, run_id: str) -> None:
        """Read the board of one run. Never blocks."""
        self._pending[run_id] = None
        self._wake.set()

    def look_at_all(self) -> None:
        """Read the boards of all runs that wait for approvals. Never blocks."""
        self._all = True
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        rest_s = AGAIN_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self.round():
                rest_s = AGAIN_S
                continue
            await asyncio.sleep(rest_s)
            rest_s = min(MOST_S, rest_s * 2)
            self._wake.set()

    async def round(self) -> bool:
        """Read what is to be read. Returns False if something could not be; it stays for the next round."""
        try:
            await self._gather()
        except BelayError as error:
            log.warning("missed reactions are not counted yet: %s", error)
            return False
        failed = 0
        for number, run_id in enumerate(tuple(self._pending)):
            if number >= AT_ONCE:
                await asyncio.sleep(GAP_S)
            failed += not await self._one(run_id)
            if failed >= MOST_FAILURES:
                break  # Slack, or the database, is away: the others would meet the same
        return not failed

    async def _gather(self) -> None:
        if not self._all:
            return
        async with self.store.look() as tx:
            waiting = await tx.waiting_with_board()
        self._all = False
        self._pending |= dict.fromkeys(waiting)

    async def _one(self, run_id: str) -> bool:
        del self._pending[run_id]
        try:
            await whole(self.reconcile(run_id))
        except BelayError as error:
            again = may_pass(error)
            log.warning("%s: missed reactions are not counted%s: %s", run_id, " yet" if again else "", error)
            if again:
                self._pending[run_id] = None
            return not again
        return True


def may_pass(error: BaseException | None) -> bool:
    """Whether *error* comes of Slack or the database being away for a while, and not of what was asked."""
    while error is not None:
        if isinstance(error, SlackApiError):
            return is_away(error) or is_rate_limited(error)
        if isinstance(error, (StoreUnavailableError, ConflictError, *NETWORK_ERRORS)):
            return True
        error = error.__cause__
    return False
