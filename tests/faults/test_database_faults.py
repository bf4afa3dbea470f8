"""
The database goes away while a rollback goes on: nothing starts that is not written down, nothing that ran is lost.

The hosts are in memory and count what took effect; the databases are real files and a real server.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from core.action import Action
from core.errors import RefusedError, StoreUnavailableError
from core.journal import Kind
from core.run_states import RunStatus
from core.target import Host
from store import engines
from store.database import Store
from store.transaction import Transaction
from tests.bot.world import Bot, actor, bot, memory_hosts, plan_data
from tests.postgres import PostgresServer, postgres_server
from tests.practice_executor import Claim, MemoryExecutor

#: The effects of an undisturbed run, each once.
ALL = {
    *((host, f"stop@{host}", "do") for host in "abc"),
    ("a", "restore@a", "do"),
    *((host, f"start@{host}", "do") for host in "abc"),
}
CUT_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'belay'"
Trouble = Callable[[Bot, Path], AbstractAsyncContextManager[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server("max_connections=20") as started:
        started.execute("CREATE ROLE app LOGIN")  # unlike a superuser it finds no reserved connection
        yield started


@pytest.fixture
async def on_postgres(server: PostgresServer) -> AsyncIterator[Store]:
    name = server.create()
    server.execute(f"ALTER DATABASE {name} OWNER TO app")
    store = await Store.open(server.url(name).replace("belay@", "app@"))
    yield store
    await store.close()
    server.drop(name)


async def _held(b: Bot) -> str:
    """A run whose first step is on its hosts: a ends when it is let, b and c have ended."""
    b.hosts.hold["stop@a"] = asyncio.Event()
    run_id = await b.asked_and_agreed()
    await b.hosts.started["stop@a"].wait()
    await b.until(run_id, RunStatus.RUNNING)
    async with asyncio.timeout(5):
        while sum(unit.ended_at is not None for unit in (await b.service.run(run_id)).state.units.values()) < 2:
            await asyncio.sleep(0.01)
    return run_id


async def _stands_still(b: Bot, seconds: float) -> None:
    """What runs on hosts ends, and nothing else begins."""
    before = dict(b.hosts.effects)
    b.hosts.hold["stop@a"].set()
    await asyncio.sleep(seconds)
    assert dict(b.hosts.effects) == before


async def _ends_well(b: Bot, run_id: str) -> None:
    """Each action took effect once, each outcome is in the journal, each entry in the audit."""
    await b.service.sweep()
    await b.until(run_id, RunStatus.SUCCEEDED)
    assert dict(b.hosts.effects) == dict.fromkeys(ALL, 1)
    async with b.store.look() as tx:
        entries = await tx.entries(run_id)
        head = await tx.verify_audit()
    assert head.n == len(entries)
    started = [entry.unit for entry in entries if entry.kind is Kind.STARTED]
    assert len(started) == len(set(started))
    assert {unit for _, unit, _ in ALL} <= set(started)


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_postgresql_is_stopped_and_started_again(
    tmp_path: Path, server: PostgresServer, on_postgres: Store
) -> None:
    async with bot(tmp_path, memory_hosts(), store=on_postgres) as b:
        run_id = await _held(b)
        server.stop()
        try:
            await _stands_still(b, 1.0)
            with pytest.raises(StoreUnavailableError):
                await b.store.ping()
        finally:
            server.start()
        await _ends_well(b, run_id)


@pytest.mark.postgres
async def test_postgresql_is_out_of_connections(tmp_path: Path, server: PostgresServer, on_postgres: Store) -> None:
    async with bot(tmp_path, memory_hosts(), store=on_postgres) as b:
        run_id = await _held(b)
        with closing(_Crowd(server)) as crowd:
            await asyncio.to_thread(crowd.take_all)
            with pytest.raises(StoreUnavailableError, match=r"out of connections|cannot be reached"):
                await b.store.ping()
            await _stands_still(b, 0.5)
        await _ends_well(b, run_id)


class _Crowd:
    """Takes every connection the server has, ours among them."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._connections: list[psycopg.Connection[tuple[object, ...]]] = []

    def take_all(self) -> None:
        conninfo = f"host=127.0.0.1 port={self._server.port} user=app dbname=postgres connect_timeout=2"
        refused = 0
        while refused < 5:  # a connection that was cut frees its place a moment later
            self._server.execute(CUT_OURS)
            try:
                self._connections.append(psycopg.connect(conninfo))
            except psycopg.OperationalError:
                refused += 1
                time.sleep(0.05)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


# -- SQLite ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _locked(b: Bot, file: Path) -> AsyncIterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@asynccontextmanager
async def _read_only(b: Bot, file: Path) -> AsyncIterator[None]:
    """SQLite answers as for a file without the right to write (these tests may run as root, who always has it)."""
    await _pragma(b.store, "query_only = ON")
    yield
    await _pragma(b.store, "query_only = OFF")


@asynccontextmanager
async def _full(b: Bot, file: Path) -> AsyncIterator[None]:
    """The file may not grow by one page; it has to, soon."""
    await _pragma(b.store, "max_page_count = 1")  # SQLite takes the present size
    for size in (20_000, 100):  # use up the pages that were free
        await _fill(b.store, size)
    yield
    await _pragma(b.store, "max_page_count = 1000000")


async def _fill(store: Store, size: int) -> None:
    for number in range(1_000):
        try:
            async with store.begin() as tx:
                await tx.receive(f"{size}-{number}", "event", {"filling": "x" * size}, datetime.now(UTC))
        except StoreUnavailableError:
            return
    raise AssertionError("the database took a thousand rows and is not full")


async def _pragma(store: Store, words: str) -> None:
    """On the connection that writes, outside of a transaction."""
    assert isinstance(store._engines.writer, Engine)
    raw = store._engines.writer.raw_connection()
    assert raw.driver_connection is not None
    raw.driver_connection.execute(f"PRAGMA {words}")
    raw.close()


class _Watching(MemoryExecutor):
    """Before anything takes effect, sees that its intent is in the database."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.answers = memory_hosts().answers
        self.file = file
        self.unwritten: list[str] = []

    def _begin(self, action: Action, host: Host, claim: Claim) -> None:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
            query = "SELECT count(*) FROM journal WHERE run_id = ? AND unit = ? AND kind = 'started'"
            (count,) = database.execute(query, (action.run_id, action.unit)).fetchone()
        if not count:
            self.unwritten.append(action.unit)
        super()._begin(action, host, claim)


@pytest.mark.parametrize("trouble", [_locked, _read_only, _full])
async def test_sqlite_takes_no_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble) -> None:
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    hosts = _Watching(tmp_path / "belay.db")
    async with bot(tmp_path, hosts) as b:
        run_id = await _held(b)
        async with trouble(b, tmp_path / "belay.db"):
            with pytest.raises(StoreUnavailableError, match="nothing was recorded"):
                await _write_much(b.store)
            if trouble is _full:  # a short entry may still find room, and then it is written
                hosts.hold["stop@a"].set()
                await asyncio.sleep(0.5)
            else:
                await _stands_still(b, 0.5)
        await _ends_well(b, run_id)
    assert hosts.unwritten == []


async def _write_much(store: Store) -> None:
    async with store.begin() as tx:
        await tx.receive("big", "event", {"filling": "x" * 20_000}, datetime.now(UTC))


# -- each write of a run, one by one ---------------------------------------------------------------------------------


SHORT = {("a", "restore@a", "do")}


class _Failing:
    """The *nth* writing transaction fails: `before` its commit, or `after` it, so that nobody knows."""

    def __init__(self, store: Store, nth: int, when: str) -> None:
        self._real, self._nth, self._when, self.count = store.begin, nth, when, 0

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Transaction]:
        self.count += 1
        strikes = self.count == self._nth
        async with self._real(urgent=urgent) as tx:
            yield tx
            if strikes and self._when == "before":
                raise StoreUnavailableError("the connection was lost; nothing was recorded")
        if strikes:
            raise StoreUnavailableError("the connection was lost in the middle of the commit")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_every_single_write_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """However far the run had come, and whether or not the write was lost: each action once, and it ends."""
    monkeypatch.setattr("bot.driver.STORE_AGAIN_S", 0.01)
    hosts = _Watching(tmp_path / "belay.db")
    short = plan_data(steps=plan_data()["steps"][1:2])
    async with bot(tmp_path, hosts, plan=short) as b:
        writes = await _one_run(b, nth=0, when=when)
        assert writes > 10
        for nth in range(1, writes + 1):
            await _one_run(b, nth=nth, when=when)
        async with b.store.look() as tx:
            await tx.verify_audit()
    assert hosts.unwritten == []


async def _one_run(b: Bot, *, nth: int, when: str) -> int:
    """Return how many transactions wrote."""
    b.hosts.effects.clear()
    run_id = await b.ask()
    failing = _Failing(b.store, nth, when)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(b.store, "begin", failing.begin)
        for name in ("bo", "cy"):
            await _insist(b, run_id, name)
        async with asyncio.timeout(10):
            while (await b.service.run(run_id)).state.status is not RunStatus.SUCCEEDED:
                with suppress(StoreUnavailableError):
                    await b.service.sweep()
                await asyncio.sleep(0.02)
    assert dict(b.hosts.effects) == dict.fromkeys(SHORT, 1), f"write {nth} failed {when} its commit"
    return failing.count


async def _insist(b: Bot, run_id: str, name: str) -> None:
    """As a person does who was told that nothing was recorded."""
    try:
        await b.service.approve(run_id, actor(name))
    except StoreUnavailableError:
        with suppress(RefusedError):  # it had been recorded after all
            await b.service.approve(run_id, actor(name))
