"""
What is run on a member instead of the client: `mysqld_safe`, `mariadbd` (--wsrep-recover, --wsrep-new-cluster),
`galera_recovery`, `galera_new_cluster`, `clustercheck`, `mysql_install_db`.

A server started by hand is not waited for: it is there when the command ends.
"""

from __future__ import annotations

import sys
import time

from sandbox.systems.tools import galera, units
from sandbox.systems.tools.datadir import DATADIR, Datadir
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--datadir", "--user", "--log-error", "--log_error", "--tc-heuristic-recover", "--basedir"))
    match machine.tool:
        case "clustercheck":
            return _clustercheck(machine)
        case "galera_new_cluster":
            return _new_cluster(machine)
        case "mysql_install_db" | "mariadb-install-db":
            return _install(machine, words)
        case "galera_recovery":
            return _recovery(machine)
        case _ if words.has("--wsrep-recover", "--wsrep_recover"):
            return _recover(machine, words)
        case _:
            return _by_hand(machine, bootstrap=words.has("--wsrep-new-cluster"))


def _clustercheck(machine: Machine) -> int:
    serving = galera.serves(machine)
    code, text = ("200 OK", "synced") if serving else ("503 Service Unavailable", "not synced")
    print(f"HTTP/1.1 {code}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nGalera cluster node is {text}.\r")
    return 0 if serving else 1


def recovered(machine: Machine) -> str:
    """
    Return the position InnoDB remembers, as "uuid:seqno".

    Raises:
        SaysNoError: there is no data, or a transaction was prepared and nobody said what becomes of it.
    """
    data = galera.datadir(machine)
    if machine.name in machine.shared("galera").read().get("members", {}):
        raise SaysNoError("[ERROR] InnoDB: Unable to lock ./ibdata1 error: 11; another process uses the same files")
    if data.empty:
        return "00000000-0000-0000-0000-000000000000:-1"
    position = data.position()
    return f"{position['uuid']}:{position['seqno']}"


def _recover(machine: Machine, words: Words) -> int:
    position = recovered(machine)
    data = galera.datadir(machine)
    prepared = 0 if data.empty else data.position()["prepared"]
    if prepared and not words.one("--tc-heuristic-recover"):
        raise SaysNoError(
            f"[ERROR] Found {prepared} prepared transactions! It means that mysqld was not shut down properly"
        )
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    line = f"{at} 0 [Note] WSREP: Recovered position: {position}"
    if log := words.one("--log-error", "--log_error"):
        machine.write(log, line + "\n")
    else:
        print(line, file=sys.stderr if machine.tool == "mariadbd" else sys.stdout)
    return 0


def _recovery(machine: Machine) -> int:
    position = recovered(machine)
    prepared = 0 if galera.datadir(machine).empty else galera.datadir(machine).position()["prepared"]
    if prepared:
        raise SaysNoError(f"WSREP: Failed to recover position: found {prepared} prepared transactions")
    if not position.endswith(":-1"):
        print(f"--wsrep_start_position={position}")
    return 0


def _new_cluster(machine: Machine) -> int:
    name = "mariadb.service"
    if name not in machine.state("units").read():
        raise SaysNoError(f"Failed to start {name}: Unit {name} not found.", 5)
    with machine.state("galera") as mine:
        mine["new_cluster"] = True
    try:
        units.start(machine, name)
    except units.UnitFailedError as failure:
        text = f"Job for {name} failed because the control process exited with error code.\n{failure}"
        raise SaysNoError(text) from failure
    return 0


def _by_hand(machine: Machine, *, bootstrap: bool) -> int:
    with machine.state("galera") as mine:
        mine["new_cluster"] = bootstrap
    try:
        galera.start(machine, {}, "mariadb.service")
    except units.UnitFailedError as failure:
        raise SaysNoError(str(failure)) from failure
    return 0


def _install(machine: Machine, words: Words) -> int:
    path = words.one("--datadir", default=DATADIR)
    data = Datadir(machine.path(path))
    data.install(galera.engine_of(machine))
    print(f"Installing MariaDB/MySQL system tables in '{path}' ...\nOK")
    return 0
