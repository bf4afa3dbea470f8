"""PostgreSQL's disk is full: nothing is half-written, no step starts whose intent is not written, and it goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from core.action import Action
from core.errors import StoreUnavailableError
from core.journal import Kind
from core.run_states import RunStatus
from core.target import Host
from store.database import Store
from tests.bot.world import bot, memory_hosts
from tests.postgres import PostgresServer, postgres_server
from tests.practice_executor import Claim, MemoryExecutor

pytestmark = pytest.mark.postgres

DATABASE = "on_small"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """The write-ahead log has room, as on a server whose tables have a disk of their own; the tables have not."""
    with postgres_server(disk="40m") as started:
        started.execute(f"CREATE TABLESPACE small LOCATION '{started.small}'")
        started.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 TABLESPACE small")
        started.execute("CREATE TABLE ballast (text TEXT) TABLESPACE small")
        yield started


@pytest.fixture
async def store(server: PostgresServer) -> AsyncIterator[Store]:
    opened = await Store.open(server.url(DATABASE))
    yield opened
    await opened.close()


def fill(server: PostgresServer) -> None:
    for rows in (1_000, 10):
        try:
            while True:
                server.execute(f"INSERT INTO ballast SELECT repeat('x', 1000) FROM generate_series(1, {rows})")
        except psycopg.errors.DiskFull:
            continue


async def use_up_free_pages(store: Store) -> str:
    """A short entry may still find room in a page that is there. Returns what the store says in the end."""
    said = ""
    for size in (20_000, 100):
        for number in range(1_000):
            try:
                async with store.begin() as tx:
                    await tx.receive(f"{size}-{number}", "event", {"filling": "x" * size}, datetime.now(UTC))
            except StoreUnavailableError as error:
                said = str(error)
                break
    return said


class Watching(MemoryExecutor):
    """Before anything takes effect, sees that its intent is in the database."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self.answers = memory_hosts().answers
        self.server = server
        self.unwritten: list[str] = []

    def _begin(self, action: Action, host: Host, claim: Claim) -> None:
        query = f"SELECT count(*) FROM journal WHERE run_id = '{action.run_id}' AND unit = '{action.unit}'"
        if not self.server.ask(f"{query} AND kind = 'started'", database=DATABASE):
            self.unwritten.append(action.unit)
        super()._begin(action, host, claim)


async def test_a_full_disk_stops_what_would_begin_and_loses_nothing(
    server: PostgresServer, store: Store, tmp_path: Path
) -> None:
    hosts = Watching(server)
    async with bot(tmp_path, hosts, store=store) as b:
        hosts.hold["stop@a"] = asyncio.Event()
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@a"].wait()
        fill(server)
        said = await use_up_free_pages(store)
        assert "is full: free some space" in said
        assert "nothing was recorded" in said
        async with store.look() as tx:
            entries = await tx.entries(run_id)
            head = await tx.verify_audit()
        assert head.n == len(entries)

        hosts.hold["stop@a"].set()
        await asyncio.sleep(1)
        server.execute("DROP TABLE ballast")
        async with asyncio.timeout(30):
            while (await b.service.run(run_id)).state.status is not RunStatus.SUCCEEDED:
                await b.service.sweep()
                await asyncio.sleep(0.05)

        assert hosts.unwritten == []
        assert set(hosts.effects.values()) == {1}
        async with store.look() as tx:
            entries = await tx.entries(run_id)
            assert (await tx.verify_audit()).n == len(entries)
        started = [entry.unit for entry in entries if entry.kind is Kind.STARTED]
        assert len(started) == len(set(started))
