"""Deciding and writing in one transaction: what every verb of the service that changes a run goes through."""

from collections.abc import Callable
from typing import Protocol

from bot.recorder import append
from core.approvals import tally
from core.errors import ConflictError
from core.people import Roster
from core.ports import Clock
from core.run import Run, RunView
from core.state import RunState
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

#: A write that met another one is tried again this often; each try decides anew.
CONFLICT_TRIES = 5


class LedgerMovedError(ConflictError):
    """The ledger moved on while the live system was being looked at, or the look took too long; look again."""


class Wish(Protocol):
    def __call__(self, run: Run, state: RunState, /) -> list[Draft]: ...


class Also(Protocol):
    async def __call__(self, tx: Transaction, run: Run, state: RunState, /) -> None: ...


class Writing:
    """The store, seen by who changes runs."""

    def __init__(self, *, store: Store, roster: Roster, clock: Clock, changed: Callable[[str], None]) -> None:
        """*changed* is called with each run that moved."""
        self._store = store
        self._roster = roster
        self._clock = clock
        self._changed = changed

    async def _view(self, tx: Transaction, run: Run, state: RunState | None = None) -> RunView:
        state = state or await tx.state(run.id)
        counted = tally(state.approvals, run.subject, self._roster, self._clock.now())
        return RunView(run=run, state=state, tally=counted, people=self._roster.people)

    async def _append(self, run_id: str, wish: Wish, *, by: str = "", also: Also | None = None) -> RunView:
        """Decide and write in one transaction; if somebody else wrote first, decide again."""
        for last in range(CONFLICT_TRIES - 1, -1, -1):
            try:
                async with self._store.begin() as tx:
                    run = await tx.run(run_id)
                    state = await tx.state(run_id)
                    if drafts := wish(run, state):
                        state = await append(tx, self._clock, run, drafts, seq=state.seq, by=by)
                        if also is not None:
                            await also(tx, run, state)
                    view = await self._view(tx, run, state)
            except LedgerMovedError:
                raise
            except ConflictError:
                if not last:
                    raise
            else:
                if drafts:
                    self._changed(run_id)
                return view
        raise AssertionError("the last try either returns or raises")
