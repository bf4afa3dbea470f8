"""PostgreSQL in trouble, and replicas that freeze or vanish."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from core.errors import ConflictError, StoreUnavailableError
from store import engines
from store.database import Store
from store.trouble import plain_error
from tests.postgres import PostgresServer, free_port
from tests.store.samples import PAUSED, STARTED, at, begun_run

pytestmark = pytest.mark.postgres


async def test_connections_that_were_cut_are_made_again(postgres: PostgresServer, postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    run_id = await begun_run(store)
    _cut_all(postgres)
    await _pause(store, run_id)
    async with store.look() as look:
        assert (await look.state(run_id)).seq == 6
    await store.close()


async def test_a_connection_cut_in_the_middle_leaves_nothing(postgres: PostgresServer, postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    run_id = await begun_run(store)
    with pytest.raises(StoreUnavailableError, match="nothing was recorded"):
        await _pause(store, run_id, then=partial(_cut_all, postgres))
    await _pause(store, run_id)
    async with store.look() as look:
        assert (await look.verify_audit()).n == (await look.state(run_id)).seq == 6
    await store.close()


def _cut_all(postgres: PostgresServer) -> None:
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'belay'")


async def test_a_replica_that_freezes_in_a_transaction_is_thrown_out(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the writers' lock. The server ends its transaction, others go on, and it can write nothing of it."""
    monkeypatch.setattr(engines, "IDLE_IN_TRANSACTION_S", 1)
    frozen, other = await Store.open(postgres_url), await Store.open(postgres_url)
    run_id = await begun_run(frozen)
    with pytest.raises(StoreUnavailableError, match="idled too long"):
        await _start_slowly(frozen, run_id, meanwhile=_pause(other, run_id))
    async with other.look() as look:
        assert [entry.kind for entry in await look.entries(run_id, after=5)] == [PAUSED.kind]
        await look.verify_audit()
    await frozen.close()
    await other.close()


async def test_a_standby_takes_no_write(postgres: PostgresServer, empty_postgres_url: str) -> None:
    await (await Store.open(empty_postgres_url)).close()
    name = empty_postgres_url.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store = await Store.open(empty_postgres_url)
    with pytest.raises(StoreUnavailableError, match="read-only"):
        await store.ping()
    async with store.look() as look:
        assert await look.runs() == []
    await store.close()


async def test_a_server_that_is_not_there() -> None:
    url = f"postgresql+psycopg://belay:secret@127.0.0.1:{free_port()}/belay"
    with pytest.raises(StoreUnavailableError, match="cannot be reached: check that it runs") as refusal:
        await Store.open(url)
    assert "secret" not in str(refusal.value)


async def test_a_database_that_is_not_there(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailableError, match='database "nowhere" does not exist'):
        await Store.open(postgres.url("nowhere"))


class _DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"server said {sqlstate}")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "kind", "said"),
    [
        ("40001", ConflictError, "load it again"),
        ("40P01", ConflictError, "load it again"),
        ("53100", StoreUnavailableError, "is full: free some space"),
        ("53300", StoreUnavailableError, "out of connections"),
        ("57P01", StoreUnavailableError, "stopping or starting"),
        ("57P03", StoreUnavailableError, "stopping or starting"),
        ("55P03", StoreUnavailableError, "look for a frozen replica"),
        ("57014", StoreUnavailableError, "took too long"),
        ("08006", StoreUnavailableError, "was lost"),
        ("28P01", StoreUnavailableError, "refused the user or the password"),
        ("42501", StoreUnavailableError, "grant it the rights"),
        ("42P01", None, ""),
    ],
)
def test_what_the_server_says(sqlstate: str, kind: type[Exception] | None, said: str) -> None:
    error: Any = OperationalError("SELECT 1", {}, _DriverError(sqlstate))
    plain = plain_error(error, "db")
    assert (type(plain) if plain else None) is kind
    assert said in str(plain)


def test_a_broken_rule_that_is_no_race_is_a_bug() -> None:
    """A missing parent row is our mistake; it goes up as it is."""
    error: DBAPIError = IntegrityError("INSERT", {}, _DriverError("23503"))
    assert plain_error(error, "db") is None


async def _pause(store: Store, run_id: str, then: Callable[[], None] = lambda: None) -> None:
    async with store.begin() as transaction:
        await transaction.append(run_id, [PAUSED], seq=5, at=at(40))
        then()


async def _start_slowly(store: Store, run_id: str, meanwhile: Coroutine[Any, Any, None]) -> None:
    async with store.begin() as transaction:
        await transaction.append(run_id, [STARTED], seq=5, at=at(40))
        await asyncio.wait_for(meanwhile, 5)  # it waits for the writers' lock until this one has lost it
        await transaction.append(run_id, [PAUSED], seq=6, at=at(41))
