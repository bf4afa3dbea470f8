"""A fresh, migrated database for each trial: a copy of a SQLite file, or a PostgreSQL database from a template."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from procrastinate import App

from bot.replicas_jobs import connect
from bot.replicas_schema import prepare
from store.database import Store
from tests.postgres import PostgresServer, postgres_server


class Databases(Protocol):
    kind: str

    async def prepare(self) -> None: ...

    def fresh(self, data: Path) -> AbstractAsyncContextManager[str]:
        """Yield the URL of a new database; it is gone after the block, a SQLite file with its folder."""
        ...


class SqliteFiles:
    kind = "sqlite"

    def __init__(self, home: Path) -> None:
        self._template = home / "template.db"

    async def prepare(self) -> None:
        await (await Store.open(f"sqlite:///{self._template}")).close()

    @asynccontextmanager
    async def fresh(self, data: Path) -> AsyncIterator[str]:
        shutil.copy(self._template, data / "belay.db")
        yield f"sqlite:///{data / 'belay.db'}"


class PostgresDatabases:
    kind = "postgres"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._one = asyncio.Lock()  # a template can be copied by one at a time

    async def prepare(self) -> None:
        self._template = self._server.create()
        url = self._server.url(self._template)
        await (await Store.open(url)).close()
        async with App(connector=connect(url)).open_async() as app:
            await prepare(app)

    @asynccontextmanager
    async def fresh(self, data: Path) -> AsyncIterator[str]:
        async with self._one:
            name = await asyncio.to_thread(self._server.create, template=self._template)
        try:
            yield self._server.url(name)
        finally:
            await asyncio.to_thread(self._server.drop, name)


@contextmanager
def databases(kind: str, home: Path) -> Iterator[Databases]:
    if kind == "sqlite":
        yield SqliteFiles(home)
        return
    with postgres_server() as server:
        yield PostgresDatabases(server)
