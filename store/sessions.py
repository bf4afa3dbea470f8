"""
A database session for one transaction, as the parts of the store use it: the same calls for both databases.

PostgreSQL is reached over a network, so each statement is awaited. SQLite is in the process: a statement takes some
ten microseconds, and handing it to a thread and back, four times over, took fifty times that (it was two thirds of a
busy bot's work, and what chat waited for). Its statements run where they are asked for; what waits for another
program's lock, and the commit, which waits for the disk, go to a thread.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Engine, Executable
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Session as InlineSession
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

T = TypeVar("T")

#: Of an INSERT, SQLAlchemy forgets how many rows it made.
_COUNTED = {"preserve_rowcount": True}


class Session(Protocol):
    """One transaction. It ends with `commit`, or undone with the block it was opened for."""

    info: dict[Any, Any]

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    @property
    def dialect_name(self) -> str:
        """Return "sqlite" or "postgresql"."""
        ...

    async def exec(self, statement: Any, params: Mapping[str, Any] | None = None) -> Any: ...

    async def get(self, table: Any, key: Any) -> Any: ...

    async def flush(self) -> None: ...

    async def delete(self, row: SQLModel) -> None: ...

    async def write(self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        """
        Execute *statement*, once for all *rows*, past the unit of work; return how many rows it met.

        For what is written with every journal entry: as objects it costs twice the time.
        """
        ...

    async def commit(self) -> None: ...

    def add_all(self, rows: Sequence[SQLModel]) -> None: ...

    def expunge_all(self) -> None: ...


class SteadySession:
    """
    On PostgreSQL. A cancelled task waits for the statement it is in, then stops: it is never left in the middle of one.

    Otherwise the driver throws the connection away with its transaction open, and the next writer waits for the lock;
    and of a commit that was left nobody could say whether it happened.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._far = AsyncSession(engine, expire_on_commit=False, autoflush=False)
        self.info = self._far.info

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await to_its_end(self._far.close())

    @property
    def dialect_name(self) -> str:
        return "postgresql"

    async def exec(self, statement: Any, params: Mapping[str, Any] | None = None) -> Any:
        return await to_its_end(self._far.exec(statement, params=params))

    async def get(self, table: Any, key: Any) -> Any:
        return await to_its_end(self._far.get(table, key))

    async def flush(self) -> None:
        await to_its_end(self._far.flush())

    async def delete(self, row: SQLModel) -> None:
        await to_its_end(self._far.delete(row))

    async def write(self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        return await to_its_end(self._written(statement, rows))

    async def _written(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
        connection = await self._far.connection()
        return (await connection.execute(statement, list(rows) or None, execution_options=_COUNTED)).rowcount

    async def commit(self) -> None:
        await to_its_end(self._far.commit())

    def add_all(self, rows: Sequence[SQLModel]) -> None:
        self._far.add_all(rows)

    def expunge_all(self) -> None:
        self._far.expunge_all()


class NearSession:
    """On SQLite. *thread* is given for a transaction that writes, and takes what may have to wait."""

    def __init__(self, engine: Engine, thread: ThreadPoolExecutor | None) -> None:
        self._inline = InlineSession(engine, expire_on_commit=False, autoflush=False)
        self._thread = thread
        self.info = self._inline.info

    async def __aenter__(self) -> Self:
        if self._thread is None or not self._begun_at_once():
            await self._patiently(self._inline.connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._inline.close()

    @property
    def dialect_name(self) -> str:
        return "sqlite"

    async def exec(self, statement: Any, params: Mapping[str, Any] | None = None) -> Any:
        return self._inline.exec(statement, params=params)

    async def get(self, table: Any, key: Any) -> Any:
        return self._inline.get(table, key)

    async def flush(self) -> None:
        self._inline.flush()

    async def delete(self, row: SQLModel) -> None:
        self._inline.delete(row)

    async def write(self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        return self._inline.connection().execute(statement, list(rows) or None, execution_options=_COUNTED).rowcount

    async def commit(self) -> None:
        await self._patiently(self._inline.commit)

    def add_all(self, rows: Sequence[SQLModel]) -> None:
        self._inline.add_all(rows)

    def expunge_all(self) -> None:
        self._inline.expunge_all()

    def _begun_at_once(self) -> bool:
        """Begin without waiting; False if another program holds the file's lock."""
        try:
            self._inline.connection(execution_options={"busy_ms": 0})
        except OperationalError as error:
            if not getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise
            self._inline.close()
            return False
        return True

    async def _patiently(self, work: Callable[[], Any]) -> None:
        """Nothing else of the session is touched meanwhile, and it is never left in the middle."""
        if self._thread is None:
            work()
        else:
            await to_its_end(_in(self._thread, work))


async def _in(thread: ThreadPoolExecutor, work: Callable[[], Any]) -> None:
    await asyncio.get_running_loop().run_in_executor(thread, partial(work))


def new_session(engine: AsyncEngine | Engine, thread: ThreadPoolExecutor | None) -> Session:
    """*thread*: for a transaction that writes; None: it only looks."""
    if isinstance(engine, Engine):
        return NearSession(engine, thread)
    return SteadySession(engine)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await *work*; if the caller is cancelled meanwhile, let it end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _ended(task)
        raise


async def _ended(task: asyncio.Task[T]) -> None:
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # again; the first one is raised when the task is done
            continue
    if not task.cancelled():
        task.exception()  # seen: the caller is told that it was cancelled
