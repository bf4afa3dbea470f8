"""Bring the database's schema to what this code knows, once, however many start at the same moment."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.errors import StoreUnavailableError

#: Any number, the same in every version of Belay: who holds this advisory lock migrates.
_LOCK: Final = 7_203_948_551_024_163
_SCRIPTS: Final = Path(__file__).with_name("migrations")


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    return made


async def upgrade(engine: AsyncEngine | Engine, place: str) -> None:
    """
    Raises:
        StoreUnavailableError: the schema is newer than this code.
    """
    await _on(engine, partial(_upgrade, place=place))


async def check(engine: AsyncEngine | Engine, place: str) -> None:
    """
    Raises:
        StoreUnavailableError: the schema is older or newer than this code.
    """
    await _on(engine, partial(_check, place=place))


async def _on(engine: AsyncEngine | Engine, work: Callable[[Connection], None]) -> None:
    """Do *work* in one transaction."""
    if isinstance(engine, AsyncEngine):
        async with engine.begin() as connection:
            await connection.run_sync(work)
        return

    def near() -> None:
        with engine.begin() as connection:
            work(connection)

    await asyncio.to_thread(near)  # another program may hold the file for seconds


def _upgrade(connection: Connection, place: str) -> None:
    if connection.dialect.name == "postgresql":
        # others that start now wait here, also for a long migration, and then find nothing left to do
        connection.execute(text("SET LOCAL lock_timeout = '120s'"))
        connection.execute(text("SET LOCAL statement_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    _refuse_newer(connection, place)
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")


def _check(connection: Connection, place: str) -> None:
    _refuse_newer(connection, place)
    have = set(MigrationContext.configure(connection).get_current_heads())
    if have != set(ScriptDirectory.from_config(config()).get_heads()):
        raise StoreUnavailableError(
            f"the database {place} is empty or older than this Belay: start the bot once, it brings it up to date"
        )


def _refuse_newer(connection: Connection, place: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise StoreUnavailableError(
                f"the database {place} has schema '{revision}', which this Belay does not know: "
                "a newer version wrote it; run that version, or restore a backup made before"
            )
