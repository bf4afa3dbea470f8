"""What every part of a transaction stands on."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from core.run import Run
from core.state import RunState
from store.sessions import Session

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

    def __init__(self, session: Session, *, known: Memory, writes: bool) -> None:
        self._session = session
        self._known = known  #: committed; only read here
        self.learnt = Memory(known.connected)
        self._writes = writes

    async def _add(self, *rows: SQLModel) -> None:
        """Write now, so that an error is met where it was made."""
        self._check_writes()
        self._session.add_all(rows)
        await self._session.flush()

    def _check_writes(self) -> None:
        if not self._writes:
            raise RuntimeError("Store.look() only reads; use Store.begin() to write")

    async def _write(self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        """As `_add`, without an object for each row; return how many rows were met."""
        self._check_writes()
        return await self._session.write(statement, rows)

    async def _put(
        self, table: type[SQLModel], which: Mapping[str, Any], what: Mapping[str, Any], *, replace: bool = True
    ) -> bool:
        """
        Write the row that *which* names, *what* in it, whether it is there or not, in one statement.

        Without *replace* one that is there stays as it is. Returns whether anything was written.
        """
        insert = sqlite.insert if self._session.dialect_name == "sqlite" else postgresql.insert
        statement = insert(table).values({**which, **what})
        if replace:
            written = statement.on_conflict_do_update(index_elements=list(which), set_=dict(what))
        else:
            written = statement.on_conflict_do_nothing(index_elements=list(which))
        return await self._write(written) > 0

    async def _remove(self, row: SQLModel) -> None:
        await self._session.delete(row)
        await self._session.flush()
