"""`rpm -q PACKAGE`: the one package a rollback asks about, in the version of the server that is installed."""

from __future__ import annotations

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

PACKAGE = "mariadb-server"


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv)
    for name in words.rest:
        if name != PACKAGE:
            raise SaysNoError(f"package {name} is not installed")
        version = machine.shared("galera").read()["engine"].partition("-")[0]
        print(f"{name}-{version}-1.el7.x86_64")
    return 0
