"""The schema: made by migrations alone, once, and never guessed at."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from core.errors import StoreUnavailableError
from store import migrate
from store.database import Store
from store.tables import Table
from tests.store.samples import begun_run

NEWEST = str(ScriptDirectory.from_config(migrate.config()).get_current_head())


def _differences(connection: Connection) -> object:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata)


async def test_the_migrations_make_exactly_the_tables_of_the_code(empty_url: str) -> None:
    store = await Store.open(empty_url)
    found: list[object] = []
    await migrate._on(store._engines.reader, lambda connection: found.append(_differences(connection)))
    assert found == [[]]
    await store.close()


async def test_a_store_opened_on_nothing_works(empty_url: str) -> None:
    store = await Store.open(empty_url)
    assert await begun_run(store) == "R-1"
    await store.close()


@pytest.mark.postgres
async def test_several_replicas_start_on_an_empty_database_at_once(empty_postgres_url: str) -> None:
    replicas = await asyncio.gather(*(Store.open(empty_postgres_url) for _ in range(5)))
    for replica in replicas:
        await replica.ping()
        await replica.close()


async def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    store = await Store.open(url)
    run_id = await begun_run(store)
    await store.close()
    _set_version(url, NEWEST, "9999")

    for readonly in (False, True):
        with pytest.raises(StoreUnavailableError, match="has schema '9999', which this Belay does not know"):
            await Store.open(url, readonly=readonly)

    _set_version(url, "9999", NEWEST)
    again = await Store.open(url)
    async with again.look() as look:
        assert (await look.state(run_id)).seq == 5
    await again.close()


def _set_version(url: str, old: str, new: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        statement = text("UPDATE alembic_version SET version_num = :new WHERE version_num = :old")
        assert connection.execute(statement, {"old": old, "new": new}).rowcount == 1
    engine.dispose()


async def test_looking_at_an_empty_database_says_to_start_the_bot(empty_url: str) -> None:
    with pytest.raises(StoreUnavailableError, match=r"empty or older than this Belay|cannot be opened"):
        await Store.open(empty_url, readonly=True)


async def test_a_reader_sees_what_the_bot_writes_and_cannot_write(store: Store, url: str) -> None:
    """`belay status` beside a running bot."""
    reader = await Store.open(url, readonly=True)
    run_id = await begun_run(store)
    async with reader.look() as look:
        assert (await look.state(run_id)).seq == 5
    with pytest.raises(StoreUnavailableError, match="opened to look only"):
        await reader.ping()
    await reader.close()
