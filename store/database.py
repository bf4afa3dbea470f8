"""The store: one database, SQLite or PostgreSQL, behind one door."""

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from core.errors import StoreUnavailableError
from store import migrate
from store.engines import Engines, make_engines
from store.lockfile import LockFile
from store.parts import Memory
from store.sessions import new_session
from store.transaction import Transaction
from store.trouble import said_plainly
from store.turns import Turns

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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._known = Memory()
        self._closed = False
        for engine in engines.all():
            if isinstance(engine, AsyncEngine):  # a server may be another one; a file is always itself
                event.listen(engine.sync_engine, "connect", lambda _connection, _record: self._known.forget())

    @classmethod
    async def open(cls, url: str, *, readonly: bool = False, alone: bool = True) -> Self:
        """
        Open the database of *url* (`sqlite:///PATH` or `postgresql+psycopg://…`) and migrate it.

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

    @property
    def place(self) -> str:
        """For people: the file, or the URL without its password."""
        return self._engines.place

    async def close(self) -> None:
        """Give everything back. What is asked of it after that is refused."""
        self._closed = True
        self._thread.shutdown()
        await self._engines.dispose()
        if self._lock:
            self._lock.release()
            self._lock = None

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
        self._refuse_if_closed()
        engine = self._engines.writer
        if engine is None:
            raise StoreUnavailableError(f"the database {self._engines.place} was opened to look only")
        with said_plainly(self._engines.place):
            async with self._turns.turn(urgent=urgent, within_s=TURN_S), new_session(engine, self._thread) as session:
                transaction = Transaction(session, known=self._known, writes=True)
                if self._engines.file is None:  # SQLite waited for the others when the transaction began
                    await transaction.lock_writers()
                yield transaction
                await session.commit()
                self._known.take_over(transaction.learnt, keep=KEPT_RUNS)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Transaction]:
        """
        A snapshot to read: it waits for no writer and none waits for it.

        Raises:
            StoreUnavailableError: the database cannot be read.
        """
        self._refuse_if_closed()
        with said_plainly(self._engines.place):
            async with new_session(self._engines.reader, None) as session:
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

    def _refuse_if_closed(self) -> None:
        if self._closed:  # a SQLite file could be another process's by now
            raise StoreUnavailableError(f"the database {self._engines.place} was closed; nothing was recorded")


async def _prepare(engines: Engines) -> None:
    if engines.file:
        _open_file(engines.file, create=engines.writer is not None)
    if engines.writer is None:
        await migrate.check(engines.reader, engines.place)
        return
    await migrate.upgrade(engines.writer, engines.place)


def _open_file(file: Path, *, create: bool) -> None:
    """
    Find out what the system says about the file, in its words; create it for this user alone.

    The journal tells what runs on hosts: nobody else reads it. SQLite gives its other files the same rights.
    """
    try:
        os.close(os.open(file, os.O_CLOEXEC | (os.O_RDWR | os.O_CREAT if create else os.O_RDONLY), 0o600))
    except OSError as error:
        now = "make it writable for this user" if create else "start the bot once, or correct the database URL"
        raise StoreUnavailableError(
            f"the database file {file} cannot be opened{' and written' if create else ''}: {error.strerror}; {now}"
        ) from error
