"""
The one writer of boards: posts them, and edits each until it shows the newest state.

Versions are journal numbers: the latest wins, an older one is never shown after it, what lies between is dropped, and
an ending is never dropped. While an overview shows the runs of a channel (`bot/slack_overview.py`), their boards follow
changes of status at once and otherwise take turns. Nothing that runs waits for this.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot import views
from bot.slack_accounts import NETWORK_ERRORS, why
from bot.slack_budget import Budget, Lane, spacing_s
from bot.slack_crowd import FRESH_S, IN_TIME
from bot.slack_edits import Edits, Trials
from bot.slack_overview import Overviews
from bot.slack_rounds import Rounds
from core.ports import Clock, Service
from core.run import RunView
from core.run_states import RunStatus
from store.database import Store
from store.records import Board

log = logging.getLogger(__name__)

#: Seconds between two looks when nothing happens: elapsed times move, and another process may have written.
TICK_S = 5.0
#: A board younger than this was never posted before, if this writer was there already; any other may have been.
MAYBE_POSTED = timedelta(seconds=10)
#: The bot's own reactions under a new board: one click for who agrees or objects.
SEEDS = ("white_check_mark", "no_entry_sign")
_NEEDS = (RunStatus.NEEDS_PERSON, RunStatus.STUCK)
_MOVING = (RunStatus.CLAIMED, RunStatus.RUNNING, RunStatus.UNWINDING)


@dataclass(slots=True)
class Shown(Trials):
    """What this process remembers of a board; a start begins with nothing and shows all of them once."""

    status: RunStatus | None = None
    posted: str = ""  #: a message that could not be written down yet
    fresh_s: float = -math.inf  #: when it was last edited


@dataclass(slots=True)
class Boards:
    client: AsyncWebClient
    store: Store
    service: Service
    clock: Clock
    overviews: Overviews
    placed: Callable[[str], None]  #: called with the run when its board has got its message
    budget: Budget
    posts: Budget
    tick_s: float = TICK_S
    gap_s: float = 1.5
    rounds: Rounds = field(default_factory=lambda: Rounds("boards"))
    recent: set[str] = field(default_factory=set)  #: gets the channel of each run it looks at that has not ended
    began_at: datetime | None = None  #: what came before may have been posted by a writer that is gone
    _turn_s: float = -math.inf  #: when one of the boards that take turns was last edited
    _memory: dict[str, Shown] = field(default_factory=dict)
    _edits: Edits = field(init=False)

    def __post_init__(self) -> None:
        self._edits = Edits(self.client, "board")

    @property
    def trouble(self) -> str:
        """The last one, "" while all is well."""
        return self.rounds.trouble or self._edits.trouble

    async def run(self) -> None:
        """Work until told to end."""
        self.began_at = self.clock.now()
        await self.rounds.run(self._round, tick_s=self.tick_s)

    async def _round(self) -> float:
        """Show what may be shown now. Returns the seconds until there may be more to do."""
        async with self.store.look() as tx:
            watched = await tx.boards_to_watch()
        self._forget({board.run_id for board, _ in watched})
        self.recent.update(board.channel for board, status in watched if not status.ended)
        live = sum(not status.ended for _, status in watched)
        waits = [self.tick_s]
        for board, status in sorted(watched, key=self._rank):
            wait_s = self._wait_s(board, status, live)
            if wait_s <= 0:  # a run is read when it is shown, not at each ring: there may be fifty
                wait_s = await self._show(board, await self.service.run(board.run_id))
            waits.append(wait_s)
        return max(0.05, min(waits))

    def _rank(self, pair: tuple[Board, RunStatus]) -> tuple[object, ...]:
        """Endings first, then boards that are not there yet, questions, other changes; of the rest the oldest."""
        board, status = pair
        memory = self._memory.setdefault(board.run_id, Shown())
        unchanged = memory.status is status and status is not RunStatus.WAITING
        return (not status.ended, bool(board.ts), status not in _NEEDS, unchanged, memory.fresh_s)

    def _wait_s(self, board: Board, status: RunStatus, live: int) -> float:
        """Seconds until this board may be brought up to date, 0 for now; the time of a tick if nothing is new."""
        memory, now_s = self._memory[board.run_id], time.monotonic()
        if now_s < memory.rests_until_s:
            return memory.rests_until_s - now_s
        if not board.ts:
            return self.posts.wait_s(now_s, Lane.ORDINARY)
        if board.wanted <= board.shown and status not in _MOVING:
            return self.tick_s
        return max(self._due_s(board, status, live) - now_s, self.budget.wait_s(now_s, self._lane(board, status)))

    def _due_s(self, board: Board, status: RunStatus, live: int) -> float:
        """When this board is due, on the monotonic clock."""
        memory, crowd, behind = self._memory[board.run_id], self.overviews.crowd, board.wanted > board.shown
        if behind and (status.ended or status is not memory.status):
            return -math.inf
        if status is RunStatus.WAITING:
            return memory.fresh_s + self.gap_s  # people vote, and look what becomes of it
        if crowd is not None and board.channel in crowd.overviews:
            return self._turn_s + crowd.others_s
        spacing = spacing_s(live, self.gap_s) if crowd is None else crowd.every_s
        # Where nothing has happened only its times have moved, and that may take longer.
        return memory.fresh_s + (spacing if behind else max(self.tick_s, spacing, min(2 * spacing, IN_TIME * FRESH_S)))

    def _lane(self, board: Board, status: RunStatus) -> Lane:
        """An ending, or a run that begins to need a person, may use the reserve."""
        if status.ended or (status in _NEEDS and self._memory[board.run_id].status is not status):
            return Lane.URGENT
        crowd = self.overviews.crowd
        alone = crowd is not None and status.driven and board.channel not in crowd.overviews
        return Lane.STANDING if alone else Lane.ORDINARY

    async def _show(self, board: Board, view: RunView) -> float:
        memory = self._memory[board.run_id]
        doing, budget = (self._edit, self.budget) if board.ts else (self._post, self.posts)
        return await self._edits.guarded(doing(board, view, memory), budget, memory, otherwise_s=self.tick_s)

    async def _post(self, board: Board, view: RunView, memory: Shown) -> None:
        ts = memory.posted or await self._posted_before(board, view, memory)
        shown = 0 if ts else view.state.seq
        if not ts:
            self.posts.spend(time.monotonic(), Lane.ORDINARY)
            ts = memory.posted = await self._edits.post(self._message(view), board.channel, _mark(board, view))
        async with self.store.begin() as tx:
            await tx.place_board(board.run_id, board.channel, ts)
            await tx.shown(board.run_id, shown, self.clock.now())
        memory.posted = ""
        if shown:  # what was found is shown again at once
            self._remember(memory, view)
        if view.state.status is RunStatus.WAITING:
            await self._seed(board.channel, ts)
        self.placed(board.run_id)

    async def _posted_before(self, board: Board, view: RunView, memory: Shown) -> str:
        """
        Return the message of a board that was posted and then not written down, or "".

        It is looked for only where that may be. Where it is not found the run gets another board, and only that one
        takes decisions.
        """
        asked_at = view.run.created_at
        fresh = self.began_at is not None and asked_at > self.began_at and self.clock.now() - asked_at < MAYBE_POSTED
        if not memory.failures and (board.ts or fresh):
            return ""
        return await self._edits.find(board.channel, _mark(board, view), asked_at, other_than=board.ts)

    async def _seed(self, channel: str, ts: str) -> None:
        for name in SEEDS:
            try:
                await self.client.reactions_add(channel=channel, timestamp=ts, name=name)
            except NETWORK_ERRORS as error:
                log.info("the board has no :%s: of Belay's own: %s", name, why(error))

    async def _edit(self, board: Board, view: RunView, memory: Shown) -> None:
        if view.state.seq < board.shown:
            return  # read before the last edit was; the next round reads anew
        self.budget.spend(time.monotonic(), self._lane(board, view.state.status))
        if not await self._edits.edit(self._message(view), board.channel, board.ts):
            await self._post(board, view, memory)  # the run gets a new one
            return
        async with self.store.begin() as tx:
            await tx.shown(board.run_id, view.state.seq, self.clock.now())
        crowd = self.overviews.crowd
        if crowd is not None and board.channel in crowd.overviews:
            self._turn_s = time.monotonic()
        self._remember(memory, view)

    def _message(self, view: RunView) -> views.Message:
        return views.board(view, self.clock.now(), overview=self.overviews.address(view.run.channel))

    def _remember(self, memory: Shown, view: RunView) -> None:
        memory.status, memory.fresh_s = view.state.status, time.monotonic()

    def _forget(self, known: set[str]) -> None:
        for run_id in set(self._memory) - known:
            del self._memory[run_id]


def _mark(board: Board, view: RunView) -> dict[str, str]:
    """What is hidden in a board's message, to know it again. Run numbers begin anew with a new database."""
    return {"key": f"{board.run_id}/board", "digest": view.run.digest, "at": view.run.created_at.isoformat()}
