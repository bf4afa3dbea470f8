"""`ovn-sbctl … list Chassis`: the hosts whose OVN controller listens to this cloud's southbound database."""

from __future__ import annotations

from sandbox.systems.tools import units
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

UNIT = "tripleo_ovn_cluster_south_db_server.service"
#: Where the source's southbound database listens.
REMOTE = "tcp:172.17.1.10:6642,tcp:172.17.1.11:6642,tcp:172.17.1.12:6642"


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--db", "-t", "--timeout"))
    if words.rest != ["list", "Chassis"]:
        raise SaysNoError(f"ovn-sbctl: unknown command '{' '.join(words.rest)}'; use --help for help")
    if not units.active(machine, UNIT):
        raise SaysNoError("ovn-sbctl: unix:/var/run/ovn/ovnsb_db.sock: database connection failed (Connection refused)")
    hosts = [name for name in (machine.name, *machine.others) if _listens(machine, name)]
    print("\n".join(sorted(hosts)))
    return 0


def _listens(machine: Machine, name: str) -> bool:
    there = machine if name == machine.name else machine.other(name)
    return bool(there.state("ovs").read().get("external_ids", {}).get("ovn-remote") == REMOTE)
