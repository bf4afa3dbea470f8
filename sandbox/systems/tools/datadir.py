"""
A MariaDB data directory: grastate.dat as Galera writes it, the position InnoDB remembers, the databases.

Each database is a directory with one SQLite file; `ibdata1` is JSON: the position (uuid, seqno) of the last
transaction, the version of the server that had it open last, and transactions that were prepared when it died.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Where servers keep their data, unless the cluster's shared state says otherwise.
DATADIR = "/var/lib/mysql"
NO_UUID = "00000000-0000-0000-0000-000000000000"
FILE = "tables.ibd"


class Datadir:
    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def there(self) -> bool:
        return os.path.isdir(self.path)

    @property
    def empty(self) -> bool:
        """Whether there is no server's data in it: not there, or without system tables."""
        return not os.path.isfile(f"{self.path}/ibdata1")

    def position(self) -> Data:
        """Return uuid, seqno, version, prepared."""
        with open(f"{self.path}/ibdata1") as file:
            found: Data = json.load(file)
        return found

    def set_position(self, **about: object) -> None:
        before = {} if self.empty else self.position()
        os.makedirs(self.path, exist_ok=True)
        _replace(f"{self.path}/ibdata1", json.dumps({"prepared": 0, **before, **about}))

    def grastate(self) -> dict[str, str]:
        """Return what grastate.dat says: uuid, seqno, safe_to_bootstrap; nothing if it is not there."""
        try:
            with open(f"{self.path}/grastate.dat") as file:
                lines = [line.partition(":") for line in file if ":" in line and not line.startswith("#")]
        except FileNotFoundError:
            return {}
        return {key.strip(): value.strip() for key, _, value in lines}

    def set_grastate(self, uuid: str, seqno: int, *, safe: bool) -> None:
        text = (
            f"# GALERA saved state\nversion: 2.1\nuuid:    {uuid}\nseqno:   {seqno}\nsafe_to_bootstrap: {int(safe)}\n"
        )
        _replace(f"{self.path}/grastate.dat", text)

    def databases(self) -> list[str]:
        """Return the names of the databases, in their order."""
        if not self.there:
            return []
        return sorted(entry.name for entry in os.scandir(self.path) if os.path.isfile(f"{entry.path}/{FILE}"))

    def file(self, database: str) -> str:
        return f"{self.path}/{database}/{FILE}"

    def install(self, version: str) -> None:
        """Make an empty server's data, as mysql_install_db does: system tables and nothing else."""
        self.set_position(uuid=NO_UUID, seqno=0, version=version)
        os.makedirs(f"{self.path}/mysql", exist_ok=True)
        with open(self.file("mysql"), "a"):
            pass

    def drop(self, database: str) -> None:
        _remove(f"{self.path}/{database}")

    def copy_database(self, other: Datadir, database: str) -> None:
        """Make *database* here what it is in *other*; gone if it is not there."""
        if not os.path.isfile(other.file(database)):
            _remove(f"{self.path}/{database}")
            return
        os.makedirs(f"{self.path}/{database}", exist_ok=True)
        with open(other.file(database), "rb") as there, open(f"{self.file(database)}.new", "wb") as here:
            here.write(there.read())
        os.replace(f"{self.file(database)}.new", self.file(database))

    def become(self, other: Datadir) -> None:
        """Throw everything away and take what *other* has: a state transfer."""
        os.makedirs(self.path, exist_ok=True)
        for entry in list(os.scandir(self.path)):
            _remove(entry.path)
        for database in other.databases():
            self.copy_database(other, database)
        self.set_position(**other.position())


def new_uuid() -> str:
    """Return a new, random UUID; the module for it would take long to load."""
    found = os.urandom(16).hex()
    return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:]))


def of(machine: Machine) -> Datadir:
    """Return the data directory of the server on this host."""
    return Datadir(machine.path(machine.shared("galera").read().get("datadir", DATADIR)))


def _replace(path: str, text: str) -> None:
    new = f"{path}.new"
    with open(new, "w") as file:
        file.write(text)
    os.replace(new, path)


def _remove(path: str) -> None:
    """Remove a file or a directory with all in it, if it is there; shutil takes as long to load as Python itself."""
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            os.remove(f"{folder}/{name}")
        for name in folders:
            os.rmdir(f"{folder}/{name}")
    if os.path.isdir(path):
        os.rmdir(path)
    elif os.path.exists(path):
        os.remove(path)
