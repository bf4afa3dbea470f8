"""
What kolla-ansible does with MariaDB: its backup, its recovery, its checks. After its roles mariadb and
mariadb_recovery: the recovery takes the highest sequence number, or who is named, looks at no uuid, and starts the
others one at a time.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import time

from sandbox.systems.kolla.tools import site
from sandbox.systems.tools import containers, galera, mysqld
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

BACKUPS = "/var/lib/docker/volumes/mariadb_backup/_data"
#: In life 30 times 10 s for each member; a practice member is synced in a moment, or never.
PATIENCE_S = 1.5


def members(machine: Machine) -> list[Machine]:
    return [host for _, host in site.parts(machine, ["mariadb"])]


def _inside(host: Machine, words: list[str]) -> bytes:
    password = str(host.shared("galera").read().get("password", ""))
    environment = {**os.environ, "MYSQL_PWD": password}
    program = f"{host.directory}/inside/{words[0]}"
    done = subprocess.run([program, *words[1:]], env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SaysNoError(f"fatal: [{host.name}]: FAILED! => {done.stderr.decode().strip()}", 2)
    return done.stdout


def ask(machine: Machine, script: str) -> str:
    """
    Let a member that serves run SQL.

    Raises:
        SaysNoError: none does.
    """
    serving = [host for host in members(machine) if galera.serves(host)]
    if not serving:
        raise SaysNoError('fatal: FAILED! => (2002, "Can\'t connect to server on the VIP (115)")', 2)
    return _inside(serving[0], ["mariadb", "-uroot", "-NBe", script]).decode()


def check_runs(machine: Machine) -> None:
    if not any(galera.serves(host) for host in members(machine)):
        text = "MariaDB cluster exists but is stopped. Please start it using kolla-ansible mariadb-recovery"
        raise SaysNoError(f"fatal: FAILED! => {text}", 2)


def wait_synced(host: Machine) -> None:
    """
    Raises:
        SaysNoError: the member is not synced in time.
    """
    until = time.time() + PATIENCE_S
    while galera.status(host).get("wsrep_local_state_comment") != "Synced":
        if time.time() > until:
            raise SaysNoError(f"fatal: [{host.name}]: FAILED! => Please wait for WSREP sync: timed out", 2)
        time.sleep(0.05)


def backup(machine: Machine) -> None:
    """A full backup of the first member, into the volume mariadb_backup of its host."""
    first = members(machine)[0]
    folder = f"{BACKUPS}/full-{time.strftime('%d-%m-%Y')}-{int(time.time())}"
    os.makedirs(first.path(folder), exist_ok=True)
    stream = _inside(first, ["mariabackup", "--backup", "--stream=xbstream"])
    with gzip.GzipFile(first.path(f"{folder}/mysqlbackup.qp.mbs.gz"), "wb", compresslevel=1) as file:
        file.write(stream)


def recover(machine: Machine, tag: str, wanted: str) -> None:
    """
    Raises:
        SaysNoError: nobody has a state, the named host is none of the members, or one does not get in sync.
    """
    every = members(machine)
    for host in every:
        if "mariadb" in host.state("containers").read().get("containers", {}):
            containers.halt(host, "mariadb")
    named = [host for host in every if host.name == wanted]
    if wanted and not named:
        raise SaysNoError(f"fatal: FAILED! => '{wanted}' is no host of the group mariadb", 2)
    first = named[0] if named else max(every, key=_seqno)
    galera.datadir(first).set_grastate(galera.datadir(first).position()["uuid"], -1, safe=True)
    with first.state("galera") as mine:
        mine["new_cluster"] = True
    for host in (first, *(one for one in every if one.name != first.name)):
        _start(host, tag)


def _seqno(host: Machine) -> int:
    return int(mysqld.recovered(host).rpartition(":")[2])


def _start(host: Machine, tag: str) -> None:
    containers.remove(host, "mariadb")
    site.create(host, "mariadb", tag)
    try:
        containers.run(host, "mariadb")
    except UnitFailedError as failure:
        raise SaysNoError(f"fatal: [{host.name}]: FAILED! => {failure}", 2) from failure
    wait_synced(host)
