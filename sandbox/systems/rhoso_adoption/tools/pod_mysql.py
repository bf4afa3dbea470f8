"""`mysql`: in a pod of the podified cloud it talks to that cloud's own Galera, elsewhere it is the shared client."""

from __future__ import annotations

import os

from sandbox.systems.tools import mysql
from sandbox.systems.tools.machine import Machine

#: The podified Galera's member, in a world of its own below the shared directory.
MEMBER = "openstack-galera-0"


def member(world: str) -> Machine:
    return Machine(f"{world}/shared/podified/{MEMBER}")


def main(machine: Machine, argv: list[str]) -> int:
    return mysql.main(member(machine.world) if os.environ.get("POD") == MEMBER else machine, argv)
