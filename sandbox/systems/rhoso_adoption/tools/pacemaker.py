"""
The Pacemaker cluster of an RHOSP control plane: its resources, what runs of them where, and its configuration.

A bundle's replica is a container on its node; what is disabled, unmanaged, in maintenance, or on a node in standby is
not started. Galera's agent bootstraps from the member with the highest seqno, and waits while a member cannot report
its own; RabbitMQ's starts the node that stopped last first. Sources: Pacemaker Explained (meta attributes, bundles),
the galera agent of ClusterLabs' resource-agents.

Shared state "pacemaker": nodes (name -> standby, online), properties, resources (id -> kind, agent, replicas, role,
container, image, meta), constraints (XML elements, a string each), failures (lines of "Failed Resource Actions"),
epoch (how often the configuration was changed).
"""

from __future__ import annotations

from sandbox.systems.rhoso_adoption.tools import hazards
from sandbox.systems.tools import containers, galera
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

STATE = "pacemaker"


def disabled(resource: Data) -> bool:
    return bool(resource["meta"].get("target-role") == "Stopped")


def unmanaged(cluster: Data, resource: Data) -> bool:
    maintenance = cluster["properties"].get("maintenance-mode") == "true"
    return bool(maintenance or resource["meta"].get("is-managed") == "false")


def set_meta(cluster: Data, name: str, key: str, value: str | None) -> None:
    """Change a meta attribute of a resource; None takes it away."""
    meta = cluster["resources"][name]["meta"]
    if value is None:
        meta.pop(key, None)
    else:
        meta[key] = value
    cluster["epoch"] += 1


def replicas(machine: Machine, name: str, resource: Data, cluster: Data) -> list[tuple[str, str, str]]:
    """Return for each replica its name, where it runs ("" if nowhere), and its role ("Stopped", "Started" …)."""
    if resource["kind"] != "bundle":
        node = resource.get("node", "")
        return [
            (name, node if _primitive_runs(resource) else "", "Started" if _primitive_runs(resource) else "Stopped")
        ]
    found = []
    for place, node in enumerate(sorted(cluster["nodes"])[: resource["replicas"]]):
        up = containers.running(at(machine, node), f"{resource['container']}{place}")
        shown = name if resource["agent"] != "ocf:heartbeat:podman" else f"{name}-podman"
        found.append((f"{shown}-{place}", node if up else "", resource["role"] if up else "Stopped"))
    return found


def _primitive_runs(resource: Data) -> bool:
    return not disabled(resource)


def at(machine: Machine, node: str) -> Machine:
    return machine if machine.name == node else machine.other(node)


def running(machine: Machine, name: str) -> int:
    """Return how many replicas run."""
    cluster = machine.shared(STATE).read()
    return sum(1 for _, node, _ in replicas(machine, name, cluster["resources"][name], cluster) if node)


def settle(machine: Machine) -> None:
    """Let the cluster do what its configuration says: start what is wanted, stop what is not."""
    cluster = machine.shared(STATE).read()
    for name, resource in cluster["resources"].items():
        if resource["kind"] != "bundle" or unmanaged(cluster, resource):
            continue
        if disabled(resource):
            _stop(machine, resource, cluster)
        else:
            _start(machine, name, resource, cluster)


def _places(resource: Data, cluster: Data) -> list[tuple[int, str]]:
    nodes = sorted(cluster["nodes"])[: resource["replicas"]]
    return [(place, node) for place, node in enumerate(nodes) if not cluster["nodes"][node].get("standby")]


def _stop(machine: Machine, resource: Data, cluster: Data) -> None:
    for place, node in _places(resource, cluster):
        if containers.running(at(machine, node), f"{resource['container']}{place}"):
            containers.halt(at(machine, node), f"{resource['container']}{place}")


def _start(machine: Machine, name: str, resource: Data, cluster: Data) -> None:
    places = _places(resource, cluster)
    todo = [
        pair for pair in places if not containers.running(at(machine, pair[1]), f"{resource['container']}{pair[0]}")
    ]
    if not todo:
        return
    hazards.starts(machine, name)
    if resource["agent"] == "ocf:heartbeat:galera":
        todo = _galera_order(machine, resource, places, todo)
    if resource["agent"] == "ocf:heartbeat:rabbitmq-cluster":
        nodes = machine.shared("rabbitmq").read()["nodes"]
        todo = sorted(todo, key=lambda pair: -float(nodes[pair[1]]["stopped_at"]))
    for place, node in todo:
        try:
            containers.run(at(machine, node), f"{resource['container']}{place}")
        except (UnitFailedError, containers.NoContainerError) as failure:
            _note_failure(machine, f"{name}-{place} start on {node} returned 'error' ({failure})")


def _galera_order(
    machine: Machine, resource: Data, places: list[tuple[int, str]], todo: list[tuple[int, str]]
) -> list[tuple[int, str]]:
    """Choose who bootstraps, as the agent does; nobody, while not all members have reported."""
    if len(todo) < len(places):
        return todo  # there is a component to join
    if len(places) < resource["replicas"]:
        _note_failure(machine, "galera-bundle: waiting for all nodes to report database status")
        return []
    first = max(todo, key=lambda pair: _seqno(at(machine, pair[1])))
    with at(machine, first[1]).state("galera") as mine:
        mine["new_cluster"] = True
    data = galera.datadir(at(machine, first[1]))
    if saved := data.grastate():
        data.set_grastate(saved["uuid"], int(saved["seqno"]), safe=True)
    return [first, *(pair for pair in todo if pair != first)]


def _seqno(host: Machine) -> int:
    data = galera.datadir(host)
    return -1 if data.empty else int(data.position()["seqno"])


def _note_failure(machine: Machine, text: str) -> None:
    with machine.shared(STATE) as cluster:
        if text not in cluster["failures"]:
            cluster["failures"].append(text)


def quorate(cluster: Data) -> bool:
    online = sum(1 for node in cluster["nodes"].values() if node.get("online", True))
    return online * 2 > len(cluster["nodes"])
