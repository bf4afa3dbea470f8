"""
A RabbitMQ cluster: which nodes run, who knows whom, which feature flags are on. A daemon of a unit or a container.

After rabbitmq.com/docs: clustering (the node that stopped last has to start first, the others wait for its tables and
give up), feature-flags (once enabled never disabled; a node that does not know an enabled flag does not start).

Shared state "rabbitmq": nodes (host -> running, app, cluster, stopped_at, version, partitioned), clusters (id -> hosts,
flags, policies, queues), flags_of (version prefix -> flags it knows, each "stable" or "required"), version.
"""

from __future__ import annotations

import time

from sandbox.systems.tools import units
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

DAEMON = __name__
MNESIA = "/var/lib/rabbitmq/mnesia"


def furnish(machines: list[Machine], *, version: str, flags_of: dict[str, list[str]], **about: object) -> None:
    """Lay out stopped nodes that form one cluster with all flags of *version* enabled."""
    hosts = [machine.name for machine in machines]
    node = {"running": False, "app": False, "cluster": "rabbit-1", "stopped_at": 0.0, "version": version}
    state = {
        "version": version,
        "flags_of": flags_of,
        "nodes": {host: {**node, "stopped_at": float(place)} for place, host in enumerate(reversed(hosts))},
        "clusters": {
            "rabbit-1": {"hosts": hosts, "flags": known_flags(flags_of, version), "policies": [], "queues": 12}
        },
        **about,
    }
    machines[0].shared("rabbitmq").write(state)
    for machine in machines:
        machine.write(f"{MNESIA}/cluster_nodes.config", "[]\n")


def known_flags(flags_of: dict[str, list[str]], version: str) -> list[str]:
    """Return the flags a version knows: those of the longest prefix of it that is listed."""
    fitting = [prefix for prefix in flags_of if version == prefix or version.startswith(f"{prefix}.")]
    return sorted(flags_of[max(fitting, key=len)]) if fitting else []


def start(machine: Machine, carrier: Data, name: str) -> None:
    """
    Raises:
        UnitFailedError: the node waited for another one in vain, or does not know a flag that is on.
    """
    with machine.shared("rabbitmq") as rabbit:
        node = rabbit["nodes"].setdefault(machine.name, {"cluster": "", "stopped_at": 0.0})
        node["version"] = _version(machine, carrier, rabbit)
        if not machine.read(f"{MNESIA}/cluster_nodes.config"):  # its data was removed: a new, empty node
            leave(rabbit, machine.name)
            alone(rabbit, machine.name)
            machine.write(f"{MNESIA}/cluster_nodes.config", "[]\n")
        try:
            _boot(rabbit, machine.name)
        except UnitFailedError as failure:
            units.log(machine, name, str(failure))
            raise


def _version(machine: Machine, carrier: Data, rabbit: Data) -> str:
    if "image" in carrier:
        image = machine.state("containers").read().get("images", {}).get(carrier["image"], {})
        if found := image.get("labels", {}).get("engine"):
            return str(found)
    return str(carrier.get("engine") or rabbit["version"])


def alone(rabbit: Data, host: str) -> None:
    """Let *host* be a cluster of its own, with the flags of its version."""
    name = f"rabbit-{1 + max((int(one.rpartition('-')[2]) for one in rabbit['clusters']), default=0)}"
    flags = known_flags(rabbit["flags_of"], rabbit["nodes"][host]["version"])
    rabbit["clusters"][name] = {"hosts": [host], "flags": flags, "policies": [], "queues": 0}
    rabbit["nodes"][host]["cluster"] = name


def leave(rabbit: Data, host: str) -> None:
    """Take *host* out of the cluster it is in."""
    name = rabbit["nodes"][host].get("cluster")
    cluster = rabbit["clusters"].get(name)
    if cluster and host in cluster["hosts"]:
        cluster["hosts"].remove(host)
        if not cluster["hosts"]:
            del rabbit["clusters"][name]
    rabbit["nodes"][host]["cluster"] = ""


def _boot(rabbit: Data, host: str) -> None:
    node = rabbit["nodes"][host]
    cluster = rabbit["clusters"][node["cluster"]]
    unknown = sorted(set(cluster["flags"]) - set(known_flags(rabbit["flags_of"], node["version"])))
    if unknown:
        raise UnitFailedError(
            "BOOT FAILED: Error during startup: {error,failed_to_initialize_feature_flags_registry}: "
            f"feature flags enabled and not supported by RabbitMQ {node['version']}: {', '.join(unknown)}"
        )
    others = [other for other in cluster["hosts"] if other != host]
    up = [other for other in others if rabbit["nodes"][other]["running"]]
    later = [other for other in others if rabbit["nodes"][other]["stopped_at"] > node["stopped_at"]]
    if not up and later:
        waits = ", ".join(f"rabbit@{other}" for other in later)
        raise UnitFailedError(
            f"Waiting for Mnesia tables for 30000 ms, 0 retries left; timeout_waiting_for_tables [{waits}]"
        )
    node.update(running=True, app=True, since=time.time())


def stop(machine: Machine, carrier: Data, name: str) -> None:
    with machine.shared("rabbitmq") as rabbit:
        node = rabbit["nodes"][machine.name]
        if node["running"]:
            node.update(running=False, app=False, stopped_at=time.time())


def alive(machine: Machine, carrier: Data, name: str) -> bool:
    return bool(machine.shared("rabbitmq").read()["nodes"].get(machine.name, {}).get("running"))


def running(rabbit: Data, host: str) -> list[str]:
    """Return the hosts of *host*'s cluster whose application runs."""
    cluster = rabbit["clusters"].get(rabbit["nodes"][host]["cluster"], {"hosts": []})
    return [other for other in cluster["hosts"] if rabbit["nodes"][other]["running"] and rabbit["nodes"][other]["app"]]
