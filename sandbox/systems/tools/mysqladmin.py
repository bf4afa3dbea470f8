"""`mysqladmin` (and `mariadb-admin`): ping, status, shutdown. `ping` exits with 0 also where access is denied."""

from __future__ import annotations

from sandbox.systems.tools import galera
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.mysql import TAKES_VALUE, connect
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

DOWN = (
    "mysqladmin: connect to server at 'localhost' failed\n"
    "error: 'Can't connect to local server through socket '/var/lib/mysql/mysql.sock' (2)'\n"
    "Check that mysqld is running and that the socket: '/var/lib/mysql/mysql.sock' exists!"
)


def main(machine: Machine, argv: list[str]) -> int:
    sticking = [f"--password={word[2:]}" if word.startswith("-p") and len(word) > 2 else word for word in argv]
    words = Words(sticking, TAKES_VALUE)
    try:
        server = connect(machine, words)
    except SaysNoError as no:
        if "Access denied" in str(no) and words.rest[:1] == ["ping"]:
            print("mysqld is alive")
            return 0
        raise SaysNoError(DOWN) from no
    match words.rest[:1]:
        case ["ping"]:
            print("mysqld is alive")
        case ["status"]:
            print(f"Uptime: 60  Threads: 4  Questions: {galera.datadir(server).position()['seqno']}")
        case ["shutdown"]:
            galera.stop(server, {}, "mysqladmin")
        case _:
            raise SaysNoError(f"mysqladmin: Unknown command: '{' '.join(words.rest)}'")
    return 0
