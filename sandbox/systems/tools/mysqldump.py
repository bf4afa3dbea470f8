"""`mysqldump` (and `mariadb-dump`): databases as SQL, with a trailer that says it is whole ("-- Dump completed")."""

from __future__ import annotations

import sys

from sandbox.systems.tools import dump, galera
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.mysql import TAKES_VALUE, connect
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    sticking = [f"--password={word[2:]}" if word.startswith("-p") and len(word) > 2 else word for word in argv]
    words = Words(sticking, (*TAKES_VALUE, "-r", "--result-file", "--ignore-table"))
    server = connect(machine, words)
    data = galera.datadir(server)
    everything = words.has("-A", "--all-databases")
    named = words.has("-B", "--databases") or everything
    wanted = data.databases() if everything else words.rest if named else words.rest[:1]
    if not wanted:
        raise SaysNoError("Usage: mysqldump [OPTIONS] database [tables]", 1)
    for name in wanted:
        if name not in data.databases():
            text = f"Got error: 1049: \"Unknown database '{name}'\" when selecting the database"
            raise SaysNoError(f"mysqldump: {text}", 2)
    machine.linger("dumping", 0.5)
    text = "\n".join(
        dump.lines(
            data,
            wanted,
            rows=not words.has("-d", "--no-data"),
            drop_database=words.has("--add-drop-database"),
            drop_table=not words.has("--skip-add-drop-table"),
            create=named,
        )
    )
    if not words.has("--skip-comments", "--compact"):
        text = (
            f"{dump.header(galera.engine_of(server))}\n{text}\n{dump.trailer(date=not words.has('--skip-dump-date'))}"
        )
    if path := words.one("-r", "--result-file"):
        machine.write(path, text + "\n")
    else:
        sys.stdout.write(text + "\n")
    return 0
