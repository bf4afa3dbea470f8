"""The store: one database, SQLite or PostgreSQL, behind one door."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from core.errors import StoreUnavailableError
from store import migrate
from store.engines import Engines, make_engines
from store.lockfile import LockFile
from store.parts import Memory
from store.transaction import Transaction
from store.trouble import said_plainly
from store.turns import Turns

T = TypeVar("T")

#: Seconds a writer waits for its turn before it says that nothing was recorded.
TURN_S = 30.0
#: Runs whose plan and state are kept at hand.
KEPT_RUNS = 128


class Store:
    """Everything Belay keeps. `begin` writes, `look` reads; what they give is a `Transaction`."""

    def __init__(self, engines: Engines, lock: LockFile | None) -> None:
        self._engines = engines
        self._lock = lock
        self._turns = Turns()
        self._known = Memory()

    @classmethod
    async def open(cls, url: str, *, readonly: bool = False, alone: bool = True) -> Self:
        """
        Open the database of *url* (`sqlite+aiosqlite:///PATH` or `postgresql+psycopg://…`) and migrate it.

        `readonly` looks at what a running Belay writes: no lock, no migration; `begin` is then refused.
        `alone=False` is for one command of the command line: it writes beside a running Belay, and drives nothing.

        Raises:
            StoreUnavailableError: it cannot be opened or written, another process has it (SQLite), or its schema is
                newer than this code.
        """
        engines = make_engines(url, readonly=readonly)
        lock = LockFile(engines.file) if engines.file and alone and not readonly else None
        try:
            with said_plainly(engines.place):
                await _prepare(engines)
        except BaseException:
            await engines.dispose()
            if lock:
                lock.release()
            raise
        return cls(engines, lock)

    async def close(self) -> None:
        await self._engines.dispose()
        if self._lock:
            self._lock.release()

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Transaction]:
        """
        One transaction that writes: it commits at the end and is undone by an error.

        Writers come one after another, over all processes: what a transaction has read stays true until it commits.
        Keep it short and wait for nothing but the store inside. `urgent` overtakes the others (the inbox).

        Raises:
            StoreUnavailableError: nothing of it was recorded.
            ConflictError: somebody else wrote first; nothing of it was recorded.
        """
        engine = self._engines.writer
        if engine is None:
            raise StoreUnavailableError(f"the database {self._engines.place} was opened to look only")
        with said_plainly(self._engines.place):
            async with self._turns.turn(urgent=urgent, within_s=TURN_S), _session(engine) as session:
                transaction = Transaction(session, known=self._known, writes=True)
                await transaction.lock_writers()
                yield transaction
                await _to_its_end(session.commit())
                self._known.take_over(transaction.learnt, keep=KEPT_RUNS)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Transaction]:
        """
        A snapshot to read: it waits for no writer and none waits for it.

        Raises:
            StoreUnavailableError: the database cannot be read.
        """
        with said_plainly(self._engines.place):
            async with _session(self._engines.reader) as session:
                transaction = Transaction(session, known=self._known, writes=False)
                yield transaction
                self._known.take_over(transaction.learnt, keep=KEPT_RUNS)

    async def ping(self) -> None:
        """
        Prove that a write is possible, by one.

        Raises:
            StoreUnavailableError: it is not.
        """
        async with self.begin() as transaction:
            await transaction.beat()


async def _prepare(engines: Engines) -> None:
    if engines.writer is None:
        await migrate.check(engines.reader, engines.place)
        return
    if engines.file:
        # the journal tells what runs on hosts: for this user only
        os.close(os.open(engines.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    await migrate.upgrade(engines.writer, engines.place)


def _session(engine: AsyncEngine) -> AsyncSession:
    return AsyncSession(engine, expire_on_commit=False, autoflush=False)


async def _to_its_end(commit: Awaitable[T]) -> T:
    """A cancelled caller waits for the commit: half-way through it nobody could say whether it happened."""
    task = asyncio.ensure_future(commit)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
