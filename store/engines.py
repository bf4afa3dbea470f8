"""
How each database is opened.

SQLite: one connection that writes (`BEGIN IMMEDIATE`, so that nothing can come between a read and the write that
rests on it) and a few that only read; WAL, so that they do not wait for one another; every commit is on the disk
before it returns (`synchronous=FULL`).

PostgreSQL: READ COMMITTED, and the first thing a writing transaction does is to lock the head of the audit
(`Store.begin`). SERIALIZABLE would be of no use: every write adds a line to one hash chain, so any two at once would
conflict and be done again. One row lock gives the same order without the repetition, and the same meaning as on
SQLite. The time limits make the server throw out a replica that froze while it held the lock.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from core.errors import StoreUnavailableError

#: Seconds. A look-up or a write takes milliseconds; these bound what a sick database can cost.
CONNECT_S = 5
LOCK_S = 10
STATEMENT_S = 15
#: A replica frozen inside a transaction is thrown out after this; take-over has to fit into 15 s.
IDLE_IN_TRANSACTION_S = 5

#: Milliseconds SQLite waits for a lock another program holds; among our own nobody waits there.
BUSY_MS = 5_000

READERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    writer: AsyncEngine | Engine | None  #: None: opened to read only
    reader: AsyncEngine | Engine
    place: str  #: for people: the file, or the URL without its password
    file: Path | None  #: SQLite's

    def all(self) -> list[AsyncEngine | Engine]:
        return [engine for engine in (self.writer, self.reader) if engine is not None]

    async def dispose(self) -> None:
        for engine in self.all():
            if isinstance(engine, AsyncEngine):
                await engine.dispose()
            else:
                engine.dispose()


def database_file(url: str) -> Path | None:
    """
    Return the file of a SQLite URL, None for PostgreSQL.

    Raises:
        StoreUnavailableError: *url* is neither.
    """
    parsed = _parse(url)
    if parsed.drivername == "postgresql+psycopg":
        return None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return Path(parsed.database)
    raise StoreUnavailableError(
        "the database URL should be sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME; "
        f"what came is '{parsed.render_as_string()}'"
    )


def libpq(url: str) -> str:
    """
    Return a PostgreSQL *url* as libpq's key and value words, for whoever connects without SQLAlchemy.

    Several hosts (`?host=a:5432&host=b:5432&target_session_attrs=read-write`) are written in SQLAlchemy's way in an URL
    (its PostgreSQL dialects, "Specifying multiple fallback hosts") and in another one in libpq's own.
    """
    parsed = _parse(url)
    words = parsed.get_dialect()().create_connect_args(parsed)[1]
    return make_conninfo(**words)


def make_engines(url: str, *, readonly: bool) -> Engines:
    """Nothing is connected yet."""
    file = database_file(url)
    if file is None:
        return _postgres(_parse(url), readonly=readonly)
    return Engines(
        writer=None if readonly else _sqlite(file, "rwc", "BEGIN IMMEDIATE", size=1),
        reader=_sqlite(file, "ro" if readonly else "rw", "BEGIN", size=READERS),
        place=str(file),
        file=file,
    )


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreUnavailableError("the database URL cannot be read; write sqlite:///PATH") from error


def _sqlite(file: Path, mode: str, begin: str, *, size: int) -> Engine:
    url = URL.create("sqlite", database=f"file:{quote(str(file))}", query={"mode": mode, "uri": "true"})
    # One session uses a connection at a time, in the event loop and in the thread that begins and commits. Nobody may
    # wait for one in the event loop: a reader that finds none free gets another (-1).
    arguments = {"check_same_thread": False}
    engine = create_engine(url, pool_size=size, max_overflow=-1, connect_args=arguments, **_COMMON)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA journal_mode = WAL" if mode == "rwc" else "PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        busy_ms = connection.get_execution_options().get("busy_ms", BUSY_MS)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {busy_ms}")
        connection.exec_driver_sql(begin)

    return engine


def _postgres(url: URL, *, readonly: bool) -> Engines:
    limits = {
        "lock_timeout": f"{LOCK_S}s",
        "statement_timeout": f"{STATEMENT_S}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S}s",
    }
    arguments = {
        "connect_timeout": CONNECT_S,
        "application_name": "belay",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    arguments = {name: value for name, value in arguments.items() if name not in url.query}

    def engine(isolation: str) -> AsyncEngine:
        return create_async_engine(
            url,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=LOCK_S,
            pool_pre_ping=True,
            isolation_level=isolation,
            connect_args=arguments,
            **_COMMON,
        )

    reader = engine("REPEATABLE READ")

    @event.listens_for(reader.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    return Engines(
        writer=None if readonly else engine("READ COMMITTED"), reader=reader, place=url.render_as_string(), file=None
    )


_COMMON: dict[str, Any] = {"hide_parameters": True}
