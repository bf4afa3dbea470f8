"""What is asked of all runs every few seconds reads no frozen plan: SQLite finds it in its indexes alone."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from store.database import Store
from store.transaction import Transaction
from tests.store.samples import T0, begun_run

#: What the sweep, the writers and the replicas ask, whatever waits.
ASKED: dict[str, Callable[[Transaction], Awaitable[Any]]] = {
    "due": lambda tx: tx.due(T0),
    "boards_to_watch": lambda tx: tx.boards_to_watch(),
    "boards_behind": lambda tx: tx.boards_behind(),
    "channels_under_way": lambda tx: tx.channels_under_way(),
    "unreadable": lambda tx: tx.unreadable(),
}


async def asked(url: str, ask: Callable[[Transaction], Awaitable[Any]]) -> list[tuple[str, Any]]:
    """Return the statements that *ask* sends, with their parameters."""
    store, said = await Store.open(url), list[tuple[str, Any]]()
    try:
        await begun_run(store)
        event.listen(
            store._engines.reader,
            "before_cursor_execute",
            lambda _c, _k, sql, params, *_rest: said.append((sql, params)),
        )
        async with store.look() as look:
            await ask(look)
    finally:
        await store.close()
    return [(sql, params) for sql, params in said if sql.startswith("SELECT")]


@pytest.mark.parametrize("name", ASKED)
async def test_no_plan_of_a_run_is_read(sqlite_url: str, name: str) -> None:
    statements = await asked(sqlite_url, ASKED[name])
    assert statements
    with closing(sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")))) as database:
        for sql, params in statements:
            steps = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
            of_runs = [step for step in steps if " run " in f"{step} "]
            assert of_runs, steps
            assert all("COVERING INDEX" in step for step in of_runs), f"{sql}: {steps}"
