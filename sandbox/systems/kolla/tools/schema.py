"""What Kolla's bootstrap containers do to databases: db_sync with its expand and contract; online migrations."""

from __future__ import annotations

from sandbox.systems.kolla.tools import mariadb, site
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def _heads(machine: Machine, database: str) -> set[str]:
    said = mariadb.ask(machine, f"SELECT version_num FROM {database}.alembic_version")
    return {line for line in said.splitlines() if line}


def bootstrap(machine: Machine, role: str, release: str) -> None:
    """
    db_sync of *release*: nothing to do on its own schema.

    Raises:
        SaysNoError: the schema is newer than the code, whose migrations do not know its revisions.
    """
    about = site.known(machine)
    if role not in about["heads"]:
        return
    old, expanded, contracted = about["heads"][role]
    mine = {*old} if release == min(about["tags"]) else {*old, *expanded, *contracted}
    if unknown := sorted(_heads(machine, role) - mine):
        text = f"fatal: FAILED! => alembic.util.exc.CommandError: Can't locate revision identified by '{unknown[0]}'"
        raise SaysNoError(f"TASK [{role} : Running {role} bootstrap container]\n{text}", 2)


def expand(machine: Machine, role: str) -> None:
    _move(machine, role, 1)


def contract(machine: Machine, role: str) -> None:
    if role in site.known(machine)["contracts"]:
        _move(machine, role, 2)


def _move(machine: Machine, role: str, stage: int) -> None:
    heads = site.known(machine)["heads"].get(role)
    if heads is None:
        return
    values = ",".join(f"('{one}')" for one in heads[stage])
    script = f"DELETE FROM {role}.alembic_version; INSERT INTO {role}.alembic_version VALUES {values};"
    mariadb.ask(machine, script)


def new_code(machine: Machine, role: str, release: str) -> None:
    """Services of nova and cinder say which version they are of as soon as they run."""
    if role in ("nova", "cinder"):
        mariadb.ask(machine, f"UPDATE {role}.services SET version = {site.known(machine)['versions'][release]}")
