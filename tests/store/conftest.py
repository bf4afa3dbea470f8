"""Every test of the store runs on both databases: a file of its own, a database of its own on one server."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.chain import START
from store.database import Store
from store.tables import Table
from tests.postgres import PostgresServer, postgres_server

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """The name of a database with our schema, shared by the tests: each leaves it empty, which is ten times faster."""
    name = postgres.create()
    _migrate(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "belay.db"
    _migrate(f"sqlite:///{file}")
    return file


_CLEARED = [f"DELETE FROM {table.name}" for table in reversed(Table.metadata.sorted_tables)]
_EMPTY = "; ".join([*_CLEARED, f"INSERT INTO audit_head VALUES (1, 0, '{START.hash}')"])


def _migrate(url: str) -> None:
    async def migrate() -> None:
        await (await Store.open(url)).close()

    asyncio.run(migrate())


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    yield postgres.url(migrated_postgres)
    postgres.execute(_EMPTY, database=migrated_postgres)


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/belay.db"


@pytest.fixture
def sqlite_url(empty_sqlite_url: str, tmp_path: Path, migrated_sqlite: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "belay.db")
    return empty_sqlite_url


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with our schema and nothing in it."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with no table at all."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()
