"""
The one writer of overviews: while runs are many, one message a channel shows all of them, edited every few seconds.

Its place is kept in the database, so a start or another replica goes on with the same message. It is posted without a
word about any run and filled by its first edit: should the answer to the posting be lost, what may stand there for good
says nothing that becomes false. Nothing that runs waits for this.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import views
from bot.slack_accounts import error_code
from bot.slack_budget import Budget, Lane
from bot.slack_crowd import FRESH_S, TWICE, Crowd, crowd_of
from bot.slack_edits import Edits, Trials
from bot.slack_missed import may_pass
from bot.slack_rounds import Rounds
from bot.views_overview import Line, Summary, address_of, summary
from core.ports import Clock, Service
from core.run_states import RunStatus
from store.database import Store
from store.records import Board, Overview

log = logging.getLogger(__name__)

Watched = Sequence[tuple[Board, RunStatus]]


@dataclass(slots=True)
class Kept(Trials):
    """What this process remembers of a channel's overview."""

    due_s: float = 0.0  #: not looked at before


@dataclass(slots=True)
class Overviews:
    client: AsyncWebClient
    store: Store
    service: Service
    clock: Clock
    home: str  #: the workspace's own address, "" where it is not known: then nothing is linked
    budget: Budget
    posts: Budget
    gap_s: float = 1.5
    fresh_s: float = FRESH_S
    rounds: Rounds = field(default_factory=lambda: Rounds("overviews"))
    crowd: Crowd | None = None  #: as it was at the last look; what boards go by
    _places: dict[str, Overview] = field(default_factory=dict)  #: by channel; those that have their message
    _memory: dict[str, Kept] = field(default_factory=dict)  #: by channel
    _read: dict[str, Summary] = field(default_factory=dict)  #: run -> as it was at its `seq`; read anew when it moved
    _edits: Edits = field(init=False)

    def __post_init__(self) -> None:
        self._edits = Edits(self.client, "overview")

    @property
    def trouble(self) -> str:
        """The last one, "" while all is well."""
        return self.rounds.trouble or self._edits.trouble

    @property
    def _look_s(self) -> float:
        """Seconds between two looks whether there is a crowd."""
        return TWICE * self.fresh_s

    def address(self, channel: str) -> str:
        """Return where the overview of *channel* stands, "" if there is none now."""
        place = self._places.get(channel)
        return address_of(self.home, channel, place.ts) if place else ""

    async def run(self) -> None:
        """Work until told to end."""
        await self.rounds.run(self._round, tick_s=self._look_s)

    async def _round(self) -> float:
        """Bring each overview up to date, post what is missing, end what is over; the seconds until the next look."""
        async with self.store.look() as tx:
            watched, standing = await tx.boards_to_watch(), {each.channel: each for each in await tx.overviews()}
        live = Counter(board.channel for board, status in watched if status.driven)
        self.crowd = crowd_of(live, standing, gap_s=self.gap_s, fresh_s=self.fresh_s)
        self.budget.keep(self.crowd.kept if self.crowd else 0)
        self._places = {channel: each for channel, each in standing.items() if each.ts}
        self._read = {board.run_id: self._read[board.run_id] for board, _ in watched if board.run_id in self._read}
        wanted = self.crowd.overviews if self.crowd else frozenset()
        self._memory = {channel: self._memory.get(channel, Kept()) for channel in sorted(wanted | standing.keys())}
        for channel, memory in self._memory.items():
            if (now_s := time.monotonic()) >= memory.due_s:
                here = [pair for pair in watched if pair[0].channel == channel]
                wait_s = await self._channel(channel, standing.get(channel), here, stays=channel in wanted)
                memory.due_s = now_s + wait_s
        due_s = min((memory.due_s for memory in self._memory.values()), default=math.inf)
        return min(self._look_s, max(0.05, due_s - time.monotonic()))

    async def _channel(self, channel: str, overview: Overview | None, here: Watched, *, stays: bool) -> float:
        """Post, edit or end what stands here. Returns the seconds until there may be more to do."""
        memory, next_s = self._memory[channel], self._next_s()
        wait_s = next_s
        if channel not in self._places:
            if (full_s := self.posts.wait_s(time.monotonic(), Lane.URGENT)) > 0:
                return full_s
            placing = self._place(channel, overview, stays=stays)
            wait_s = await self._edits.guarded(placing, self.posts, memory, otherwise_s=next_s)
        if (place := self._places.get(channel)) is None:
            return wait_s
        if (full_s := self.budget.wait_s(time.monotonic(), Lane.STANDING)) > 0:
            return full_s
        showing = self._show(place, here, stays=stays)
        wait_s = await self._edits.guarded(showing, self.budget, memory, otherwise_s=next_s)
        return wait_s if channel in self._places else 0.0  # it was gone: another one is needed at once

    def _next_s(self) -> float:
        """Seconds until the next edit of an overview; longer where boards just took most of the minute's."""
        if self.crowd is None:
            return self._look_s
        return max(self.crowd.every_s, self.crowd.fresh * self.budget.apart_s(time.monotonic()))

    async def _place(self, channel: str, overview: Overview | None, *, stays: bool) -> None:
        """Find the message that was posted before a crash, or post one if it is still needed."""
        ts = await self._edits.find(channel, _mark(overview), overview.opened_at) if overview is not None else ""
        if not ts and not stays:
            await self._close(overview)
            return
        if overview is None:
            async with self.store.begin() as tx:
                overview = await tx.open_overview(channel, self.clock.now())
        if not ts:
            self.posts.spend(time.monotonic(), Lane.URGENT)
            ts = await self._edits.post(views.overview_to_come(), channel, _mark(overview))
        async with self.store.begin() as tx:
            if await tx.place_overview(overview, ts):
                self._places[channel] = replace(overview, ts=ts)

    async def _show(self, overview: Overview, here: Watched, *, stays: bool) -> None:
        """Edit it once. One that is over, or gone, is left for good."""
        now = self.clock.now()
        lines = await self._lines(here)
        message = views.overview(lines, now) if stays else views.overview_over(lines, now)
        self.budget.spend(time.monotonic(), Lane.STANDING)
        try:
            there = await self._edits.edit(message, overview.channel, overview.ts)
        except SlackApiError as error:
            if stays or may_pass(error):
                raise
            log.warning("the overview in %s cannot be ended: %s", overview.channel, error_code(error))
            there = False
        if not there or not stays:
            await self._close(overview)

    async def _close(self, overview: Overview | None) -> None:
        if overview is not None:
            async with self.store.begin() as tx:
                await tx.close_overview(overview)
            self._places.pop(overview.channel, None)

    async def _lines(self, here: Watched) -> list[Line]:
        """The live runs, and those whose board does not show their end yet; a run is read once it has moved."""
        lines = []
        for board, status in here:
            if not (status.driven or status.ended):
                continue
            known = self._read.get(board.run_id)
            if known is None or known.seq != board.wanted:
                known = self._read[board.run_id] = summary(await self.service.run(board.run_id))
                await asyncio.sleep(0)  # on SQLite reading gives way to nobody by itself, and there may be fifty
            lines.append(Line(known, address_of(self.home, board.channel, board.ts)))
        return lines


def _mark(overview: Overview) -> dict[str, str]:
    """What is hidden in an overview's message, to know it again."""
    return {"key": f"{overview.channel}/overview", "at": overview.opened_at.isoformat()}
