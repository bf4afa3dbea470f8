"""Write databases out as SQL, as mysqldump does, and say in one word what is in them. The order is always the same."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.systems.tools.datadir import Datadir

#: Databases that belong to the server, not to anybody's service.
SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")


def lines(
    data: Datadir,
    databases: Iterable[str],
    *,
    rows: bool = True,
    drop_database: bool = False,
    drop_table: bool = True,
    create: bool = True,
) -> Iterator[str]:
    """
    Yield the statements, a line each, without header and trailer.

    With *create* each database is named (`--databases`, `--all-databases`); without, its tables alone are written.
    """
    for database in databases:
        if create:
            yield f"\n--\n-- Current Database: `{database}`\n--\n"
            if drop_database:
                yield f"/*!40000 DROP DATABASE IF EXISTS `{database}`*/;"
            yield f"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `{database}` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;"
            yield f"USE `{database}`;"
        yield from _tables(data, database, rows=rows, drop=drop_table)


def _tables(data: Datadir, database: str, *, rows: bool, drop: bool) -> Iterator[str]:
    connection = sqlite3.connect(data.file(database))
    try:
        query = "SELECT name, sql FROM sqlite_master WHERE type='table' ORDER BY name"
        for name, made in connection.execute(query).fetchall():
            if drop:
                yield f"DROP TABLE IF EXISTS `{name}`;"
            columns = re.sub(r"^CREATE TABLE\s+[`\"]?\w+[`\"]?\s*", "", made, flags=re.IGNORECASE)
            yield f"CREATE TABLE `{name}` {columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
            if not rows:
                continue
            found = sorted(connection.execute(f"SELECT * FROM `{name}`"), key=lambda row: [str(value) for value in row])
            if found:
                values = ",".join(f"({','.join(map(_literal, row))})" for row in found)
                yield f"INSERT INTO `{name}` VALUES {values};"
    finally:
        connection.close()


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def header(version: str, client: str = "10.19") -> str:
    return (
        f"-- MariaDB dump {client}  Distrib {version}, for Linux (x86_64)\n--\n"
        "-- ------------------------------------------------------\n"
        f"-- Server version\t{version}\n\n/*!40101 SET NAMES utf8mb4 */;"
    )


def trailer(*, date: bool = True) -> str:
    return "\n-- Dump completed" + (time.strftime(" on %Y-%m-%d %H:%M:%S") if date else "")


def content_hash(data: Datadir, databases: Iterable[str] = ()) -> str:
    """Return the SHA-256 of what is in the databases (all that are not the server's own): equal data, equal hash."""
    names = list(databases) or [name for name in data.databases() if name not in SYSTEM]
    text = "\n".join(lines(data, names))
    return hashlib.sha256(text.encode()).hexdigest()
