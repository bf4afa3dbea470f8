"""
A Galera cluster: which members run, in which component, and what happens to their data directories.

A member is a daemon: a unit (`daemon=galera.DAEMON`) or a container runs it. Who may begin or join, and what a data
directory is afterwards, stands in `galera_rules`; here is who has a quorum, and what clients see.

Shared state "galera": engine (the version servers have unless their unit or image says so), datadir, members (host ->
component, phase, engine), components (id -> size, primary), gcache (transactions IST can make up for), ist_s and sst_s
(seconds a transfer takes), sync_s (host -> seconds until it is synced, whatever the transfer), addresses (what clients
dial -> host, or "vip").
"""

from __future__ import annotations

import os
import time

from sandbox.systems.tools import galera_rules
from sandbox.systems.tools.datadir import Datadir, new_uuid, of
from sandbox.systems.tools.state import current
from sandbox.systems.tools.units import UnitFailedError, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

DAEMON = __name__


def datadir(machine: Machine) -> Datadir:
    """Return the data directory of the member on this host, whether it runs or not."""
    return of(machine)


def furnish(machines: list[Machine], *, engine: str, seqno: int = 100, **about: object) -> None:
    """Lay out stopped members with the same, empty data; *about* goes into the shared state."""
    uuid = new_uuid()
    machines[0].shared("galera").write({"engine": engine, "members": {}, "components": {}, **about})
    for place, machine in enumerate(machines):
        data = datadir(machine)
        data.install(engine)
        data.set_position(uuid=uuid, seqno=seqno, version=engine)
        data.set_grastate(uuid, seqno, safe=place == 0)


def start(machine: Machine, carrier: Data, name: str) -> None:
    """
    Start the member; with `new_cluster` in the host's state "galera" (taken away by this) it begins a new component.

    Raises:
        UnitFailedError: MariaDB would not have started; the text is the last line of its log.
    """
    with machine.state("galera") as mine:
        bootstrap = bool(mine.pop("new_cluster", False))
    engine = _engine(machine, carrier)
    try:
        with machine.shared("galera") as cluster:
            galera_rules.check_data(datadir(machine), engine)
            (galera_rules.bootstrap if bootstrap else galera_rules.join)(machine, cluster, engine)
    except UnitFailedError as failure:
        log(machine, name, str(failure))
        raise
    if "container" not in carrier and "image" not in carrier:  # systemd waits for the transfer, a container does not
        _wait_synced(machine)


def _engine(machine: Machine, carrier: Data) -> str:
    if "image" in carrier:
        image = machine.state("containers").read().get("images", {}).get(carrier["image"], {})
        if found := image.get("labels", {}).get("engine"):
            return str(found)
    return str(carrier.get("engine") or machine.shared("galera").read()["engine"])


def _wait_synced(machine: Machine) -> None:
    member = machine.shared("galera").read()["members"].get(machine.name, {})
    phase = member.get("phase")
    if isinstance(phase, dict):
        time.sleep(max(0.0, phase["at"] - time.time()))


def stop(machine: Machine, carrier: Data, name: str) -> None:
    """Leave in good order: the last one of a component may bootstrap it."""
    with machine.shared("galera") as cluster:
        member = cluster["members"].pop(machine.name, None)
        if member is None:
            return
        data, component = datadir(machine), cluster["components"][member["component"]]
        component["size"] -= 1
        if not data.empty:
            position = data.position()
            data.set_grastate(position["uuid"], position["seqno"], safe=component["size"] == 0 and component["primary"])
        if component["size"] == 0:
            del cluster["components"][member["component"]]


def alive(machine: Machine, carrier: Data, name: str) -> bool:
    return machine.name in machine.shared("galera").read().get("members", {})


def crash(machine: Machine, *, prepared: int = 0) -> None:
    """Kill the member: its grastate.dat says -1, and what is left of its component may have lost its quorum."""
    with machine.shared("galera") as cluster:
        member = cluster["members"].pop(machine.name)
        component = cluster["components"][member["component"]]
        left = sum(1 for other in cluster["members"].values() if other["component"] == member["component"])
        if left * 2 <= component["size"]:
            component["primary"] = False
        else:
            component["size"] = left
        if not left:
            del cluster["components"][member["component"]]
        datadir(machine).set_position(prepared=prepared)


def member_for(machine: Machine, address: str = "") -> Machine:
    """Return the host whose server answers at *address*: this one, another, or the one behind the virtual address."""
    cluster = machine.shared("galera").read()
    host = cluster.get("addresses", {}).get(address, address)
    if host in ("", "localhost", "127.0.0.1", machine.name):
        return machine
    if host == "vip":
        behind = [name for name in sorted(cluster["members"]) if serves(machine.other(name))]
        return machine.other(behind[0]) if behind else machine
    return machine.other(host) if host in machine.others else machine


def serves(machine: Machine) -> bool:
    """What clustercheck answers with 200: synced, in a primary component, and nobody has closed the door."""
    if os.path.exists(machine.path("/var/tmp/clustercheck.disabled")):
        return False
    said = status(machine)
    return bool(said) and said["wsrep_local_state"] == "4" and said["wsrep_ready"] == "ON"


def status(machine: Machine) -> dict[str, str]:
    """Return the server's wsrep_% status; nothing if it does not run."""
    cluster = machine.shared("galera").read()
    member = cluster.get("members", {}).get(machine.name)
    if member is None:
        return {}
    component = cluster["components"][member["component"]]
    others = sorted(host for host, other in cluster["members"].items() if other["component"] == member["component"])
    phase = str(current(member["phase"])) if component["primary"] else "Initialized"
    ready = "ON" if component["primary"] and phase == "Synced" else "OFF"
    position = datadir(machine).position()
    return {
        "wsrep_cluster_status": "Primary" if component["primary"] else "non-Primary",
        "wsrep_cluster_size": str(len(others)),
        "wsrep_cluster_state_uuid": position["uuid"],
        "wsrep_connected": "ON",
        "wsrep_evs_state": "OPERATIONAL",
        "wsrep_flow_control_paused": "0",
        "wsrep_incoming_addresses": ",".join(f"{host}:3306" for host in others),
        "wsrep_last_committed": str(position["seqno"]),
        "wsrep_local_index": str(others.index(machine.name)),
        "wsrep_local_state": {"Synced": "4", "Joiner": "1"}.get(phase, "0"),
        "wsrep_local_state_comment": phase,
        "wsrep_local_state_uuid": position["uuid"],
        "wsrep_ready": ready,
    }


def engine_of(machine: Machine) -> str:
    """Return the version of the server that runs here; of its client, if none does."""
    cluster = machine.shared("galera").read()
    return str(cluster.get("members", {}).get(machine.name, cluster)["engine"])


def replicate(machine: Machine, cluster: Data, databases: set[str]) -> None:
    """Bring what was written here to every member of the component. The caller holds the cluster's state."""
    data = datadir(machine)
    data.set_position(seqno=data.position()["seqno"] + 1)
    mine = cluster["members"][machine.name]["component"]
    for host, member in cluster["members"].items():
        if host != machine.name and member["component"] == mine:
            other = datadir(machine.other(host))
            for database in databases:
                other.copy_database(data, database)
            other.set_position(seqno=data.position()["seqno"])


def make_primary(machine: Machine) -> None:
    """`pc.bootstrap=yes`: let this component be primary again."""
    with machine.shared("galera") as cluster:
        name = cluster["members"][machine.name]["component"]
        members = [member for member in cluster["members"].values() if member["component"] == name]
        cluster["components"][name] = {"size": len(members), "primary": True}
