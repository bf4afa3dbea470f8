"""The database server: POST /query {sql, params} -> {rows}; 503 while the door is closed, 400 for bad SQL."""

import sqlite3
from contextlib import closing
from typing import Any

from .locks import locked
from .paths import DATABASE, DATABASE_LOCK, DOOR, host_settings
from .web import serve


def main() -> int:
    serve(host_settings()["ports"]["db"], respond)
    return 0


def respond(method: str, path: str, body: Any) -> tuple[int, Any]:
    if (method, path) != ("POST", "/query"):
        return 404, {"error": f"no {method} {path} here; there is POST /query"}
    # The lock is taken first: whoever closes the door and then gets the lock for himself knows all are out.
    with locked(DATABASE_LOCK, shared=True):
        if DOOR.exists():
            return 503, {"error": "the database's door is closed"}
        return query(body["sql"], body.get("params", []))


def query(sql: str, params: list[Any]) -> tuple[int, Any]:
    # A connection a query: after a restore the next one sees the new file.
    with closing(sqlite3.connect(DATABASE, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                rows = [dict(row) for row in connection.execute(sql, params)]
        except sqlite3.Error as error:
            return 400, {"error": str(error)}
    return 200, {"rows": rows}
