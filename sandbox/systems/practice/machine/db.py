"""
`db`: look after the database of this host. A dump's name without a folder is one in HOST/var/backups.

Exit statuses: 0 done, 1 failed, 2 wrong words or no such file, 3 the dump is not what it should be,
4 the door is open. After anything but 0 the database is as it was.
"""

import argparse
import hashlib
import importlib.util
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from .locks import locked
from .pace import linger
from .paths import BACKUPS, DATABASE, DATABASE_LOCK, DOOR, RELEASES

TRAILER = "-- dump completed\n"


class Refused(Exception):  # noqa: N818 - reads as what happened to the command
    """The command did nothing, and says why."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def main() -> int:
    arguments = _parser().parse_args()
    action: Callable[[argparse.Namespace], str] = arguments.action
    try:
        print(action(arguments))
    except Refused as refused:
        print(f"db: {refused}", file=sys.stderr)
        return refused.status
    except (sqlite3.Error, OSError) as error:
        print(f"db: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="db", description="Look after this host's database.")
    verbs = parser.add_subparsers(required=True)
    for name, action in (("dump", dump), ("verify", verify), ("restore", restore)):
        verb = verbs.add_parser(name)
        verb.add_argument("file", type=BACKUPS.joinpath)
        verb.set_defaults(action=action)
        if name != "dump":
            verb.add_argument("--sha256", required=name == "restore")
    verb = verbs.add_parser("door")
    verb.add_argument("what", choices=("open", "close", "status"))
    verb.set_defaults(action=door)
    verb = verbs.add_parser("migrate")
    verb.add_argument("release")
    verb.set_defaults(action=migrate)
    for name, look in (("schema-version", schema_version), ("checksum", checksum), ("engine-version", engine)):
        verbs.add_parser(name).set_defaults(action=look)
    return parser


def dump(arguments: argparse.Namespace) -> str:
    """Write the whole database as SQL; the file appears when it is complete, or not at all."""
    linger("reading the database")
    text = _dump_text()
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    _publish(arguments.file, text.encode())
    return _sha256(text.encode())


def verify(arguments: argparse.Namespace) -> str:
    _checked_dump(arguments.file, arguments.sha256)
    return f"{arguments.file} is complete{' and has the checksum expected' if arguments.sha256 else ''}"


def restore(arguments: argparse.Namespace) -> str:
    """Put the dump in the place of the database. Everything written since the dump is lost."""
    linger(f"checking {arguments.file}", 0.2)
    sql = _checked_dump(arguments.file, arguments.sha256)
    with locked(DATABASE_LOCK):
        if not DOOR.exists():
            raise Refused("the door is open, services may be writing; first 'db door close'", 4)
        fresh = DATABASE.with_suffix(".restoring")
        fresh.unlink(missing_ok=True)
        linger("loading it beside the old database", 0.6)
        with closing(sqlite3.connect(fresh)) as connection:
            connection.executescript(sql)
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Refused(f"{arguments.file} does not make a sound database", 3)
        linger("putting it in the old one's place", 0.2)
        _settle_journal()
        _replace(fresh, DATABASE)
    return f"restored from {arguments.file}"


def _settle_journal() -> None:
    """Let SQLite finish what a killed writer left, lest its journal be played into the new file."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def door(arguments: argparse.Namespace) -> str:
    if arguments.what == "close":
        DOOR.touch()
        with locked(DATABASE_LOCK):  # those who were inside have left
            return "closed"
    if arguments.what == "open":
        DOOR.unlink(missing_ok=True)
    return "closed" if DOOR.exists() else "open"


def migrate(arguments: argparse.Namespace) -> str:
    """Run a release's own migration, in one transaction."""
    script = RELEASES / arguments.release / "migrate.py"
    spec = importlib.util.spec_from_file_location("migrate", script)
    if not script.is_file() or spec is None or spec.loader is None:
        raise Refused(f"release '{arguments.release}' has no migration on this host", 2)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with locked(DATABASE_LOCK), closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        module.migrate(connection)
        connection.execute("COMMIT")
    return f"schema is at {_version()}"


def schema_version(_: argparse.Namespace) -> str:
    return str(_version())


def checksum(_: argparse.Namespace) -> str:
    """Return the SHA-256 a dump made now would have."""
    return _sha256(_dump_text().encode())


def engine(_: argparse.Namespace) -> str:
    return f"sqlite {sqlite3.sqlite_version}"


def _version() -> int:
    with closing(sqlite3.connect(DATABASE)) as connection:
        version: int = connection.execute("SELECT version FROM schema_version").fetchone()[0]
        return version


def _dump_text() -> str:
    with locked(DATABASE_LOCK, shared=True), closing(sqlite3.connect(DATABASE)) as connection:
        return "\n".join(connection.iterdump()) + "\n" + TRAILER


def _checked_dump(file: Path, sha256: str | None) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise Refused(f"no such dump: {file}", 2) from None
    if sha256 is not None and _sha256(data) != sha256.lower():
        raise Refused(f"{file} has SHA-256 {_sha256(data)}, expected {sha256}; nothing was changed", 3)
    if not data.endswith(TRAILER.encode()):
        raise Refused(f"{file} is cut short: its last line is missing; nothing was changed", 3)
    return data.decode()


def _publish(file: Path, data: bytes) -> None:
    partial = file.with_name(f"{file.name}.partial.{os.getpid()}")
    partial.write_bytes(data)
    _replace(partial, file)


def _replace(source: Path, destination: Path) -> None:
    with source.open("rb") as handle:
        os.fsync(handle.fileno())
    source.replace(destination)
    directory = os.open(destination.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
