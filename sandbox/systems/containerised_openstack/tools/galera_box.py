"""
Galera in a container whose unit reads /run/openstack-galera.env at each start: with BOOTSTRAP_ARGS=--wsrep-new-cluster
in it the member begins a new cluster, else it joins one.
"""

from __future__ import annotations

from sandbox.systems.tools import galera

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

DAEMON = __name__
ENVIRONMENT = "/run/openstack-galera.env"

stop, alive = galera.stop, galera.alive


def start(machine: Machine, carrier: Data, name: str) -> None:
    """
    Raises:
        UnitFailedError: MariaDB would not have started.
    """
    with machine.state("galera") as mine:
        mine["new_cluster"] = "--wsrep-new-cluster" in machine.read(ENVIRONMENT)
    galera.start(machine, carrier, name)
