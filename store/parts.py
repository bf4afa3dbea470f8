"""What every part of a transaction stands on."""

from typing import TypeVar

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core.run import Run
from core.state import RunState

T = TypeVar("T", bound=SQLModel)


class Memory:
    """
    Runs and states that were read or made, so that a journal is replayed once and not at each look.

    Safe because a run never changes and a journal only grows: a state of entry 40 is right for ever, and what came
    after it is read from the database. A transaction fills a memory of its own, which is taken over when it commits.

    Both hold for one database only. A standby that took the primary's place may lack its last entries and have others
    instead, so that everything is forgotten whenever a server is connected to.
    """

    def __init__(self, connected: int = 0) -> None:
        """*connected*: how often a server had been connected to when this began."""
        self.runs: dict[str, Run] = {}
        self.states: dict[str, RunState] = {}
        self.connected = connected

    def forget(self) -> None:
        """A server was connected to: it may be another one."""
        self.runs.clear()
        self.states.clear()
        self.connected += 1

    def take_over(self, other: "Memory", *, keep: int) -> None:
        """Add what *other* knows, unless that was begun before everything was forgotten; keep the *keep* used last."""
        if other.connected != self.connected:
            return
        for run_id, run in other.runs.items():
            self.runs.pop(run_id, None)
            self.runs[run_id] = run  # the newest last
        for run_id, state in other.states.items():
            known = self.states.pop(run_id, state)
            self.states[run_id] = max(known, state, key=lambda s: s.seq)
        for kept in (self.runs, self.states):
            for run_id in list(kept)[:-keep]:
                del kept[run_id]


class Part:
    """One transaction's session, and what it has learnt so far."""

    def __init__(self, session: AsyncSession, *, known: Memory, writes: bool) -> None:
        self._session = session
        self._known = known  #: committed; only read here
        self.learnt = Memory(known.connected)
        self._writes = writes

    async def _add(self, *rows: SQLModel) -> None:
        """Write now, so that an error is met where it was made."""
        if not self._writes:
            raise RuntimeError("Store.look() only reads; use Store.begin() to write")
        self._session.add_all(rows)
        await self._session.flush()

    async def _remove(self, row: SQLModel) -> None:
        await self._session.delete(row)
        await self._session.flush()
