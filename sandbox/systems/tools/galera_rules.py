"""
What a Galera member may do: begin a cluster, join one, or neither, and what its data directory is afterwards.

Sources: Galera's documentation (restarting-cluster, crash-recovery), and what was measured of MariaDB 10.11 with
Galera 26.4. The caller holds the cluster's shared state.
"""

from __future__ import annotations

import time

from sandbox.systems.tools.datadir import DATADIR, NO_UUID, Datadir, new_uuid, of
from sandbox.systems.tools.state import later
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Unless the shared state says otherwise: transactions IST can make up for, seconds a transfer takes.
GCACHE, IST_S, SST_S = 1_000, 0.05, 0.2

NOT_SAFE = (
    "[ERROR] WSREP: It may not be safe to bootstrap the cluster from this node. It was not the last one to leave the "
    "cluster and may not contain all the updates. To force cluster bootstrap with this node, edit the grastate.dat "
    "file manually and set safe_to_bootstrap to 1 ."
)
NO_PRIMARY = (
    "[ERROR] WSREP: failed to open gcomm backend connection: 110: failed to reach primary view "
    "(pc.wait_prim_timeout): 110 (Connection timed out)"
)
NO_TABLES = "[ERROR] Fatal error: Can't open and lock privilege tables: Table 'mysql.user' doesn't exist"
TOO_NEW = "[ERROR] InnoDB: Unsupported redo log format. The redo log was created with MariaDB {}."


def check_data(data: Datadir, engine: str) -> None:
    if not data.there:
        raise UnitFailedError(f"[ERROR] Can't change dir to '{DATADIR}/' (Errcode: 2 \"No such file or directory\")")
    if not data.empty and _major(data.position()["version"]) > _major(engine):
        raise UnitFailedError(TOO_NEW.format(data.position()["version"].partition("-")[0]))


def _major(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split(".")[:2])


def bootstrap(machine: Machine, cluster: Data, engine: str) -> None:
    data = of(machine)
    if data.empty:
        raise UnitFailedError(NO_TABLES)
    saved = data.grastate()
    if saved and saved.get("uuid") != NO_UUID and saved.get("safe_to_bootstrap") == "0":
        raise UnitFailedError(NOT_SAFE)
    position = data.position()
    # Without a saved state nobody knows the history any more: a new one begins, and the others need a full transfer.
    known = saved.get("uuid", NO_UUID) if saved else NO_UUID
    uuid = position["uuid"] if known == position["uuid"] != NO_UUID else new_uuid()
    data.set_position(uuid=uuid, version=engine, prepared=0)
    name = f"component-{len(cluster['components']) + 1}"
    cluster["components"][name] = {"size": 1, "primary": True}
    _enter(machine, cluster, name, engine, 0.0)


def join(machine: Machine, cluster: Data, engine: str) -> None:
    primaries = [name for name, component in cluster["components"].items() if component["primary"]]
    donors = [host for host, member in cluster["members"].items() if member["component"] in primaries]
    if not donors:
        raise UnitFailedError(NO_PRIMARY)
    donor, data = of(machine.other(donors[0])), of(machine)
    component = cluster["members"][donors[0]]["component"]
    saved, ahead = data.grastate(), donor.position()
    behind = (
        ahead["seqno"] - int(saved["seqno"]) if saved.get("uuid") == ahead["uuid"] and int(saved["seqno"]) >= 0 else -1
    )
    incremental = not data.empty and 0 <= behind <= cluster.get("gcache", GCACHE)
    if not incremental and _major(cluster["members"][donors[0]]["engine"]) > _major(engine):
        raise UnitFailedError("[ERROR] WSREP: State transfer failed: the donor's MariaDB is newer than the joiner's")
    data.become(donor)
    data.set_position(version=engine)
    cluster["components"][component]["size"] += 1
    takes = cluster.get("ist_s", IST_S) if incremental else cluster.get("sst_s", SST_S)
    _enter(machine, cluster, component, engine, cluster.get("sync_s", {}).get(machine.name, takes))


def _enter(machine: Machine, cluster: Data, component: str, engine: str, sync_s: float) -> None:
    data = of(machine)
    data.set_grastate(data.position()["uuid"], -1, safe=False)
    phase = later("Joiner", "Synced", sync_s)
    cluster["members"][machine.name] = {"component": component, "phase": phase, "engine": engine, "since": time.time()}
