"""
What is true of the fleet, asked of the clusters' own API servers and of what the controllers keep: not of the bot, and
not with its commands.
"""

from collections.abc import Iterable
from typing import Any

from sandbox.systems.findings import Finding
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.tools.kube import Server, Store, settled
from sandbox.systems.tools.kubeconfig import state_name
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.state import State
from sandbox.systems.world import World


def server(world: World, address: str) -> Server:
    return Server(address, State(str(world.shared / f"{state_name(address)}.json")))


async def truth(world: World) -> tuple[Finding, ...]:
    """Look at every cluster the scenario is about: does it take what a customer writes, run by the old release?"""
    return tuple(_cluster(world, name) for name in chosen(world))


def chosen(world: World) -> list[str]:
    """Return the clusters the scenario's requester chooses, those that are still there, by their names."""
    wanted = world.scenario.parameters.get("clusters", "")
    found = {one["metadata"]["name"]: one for one in _clusters(world)}
    terms = [term.partition("=") for term in wanted.split(",")]
    by_label = {key.removeprefix("label:"): value for key, _, value in terms if key.startswith("label:")}
    by_name = [key for key, equals, _ in terms if not equals]
    return [
        name
        for name, one in found.items()
        if name in by_name or any(one["metadata"]["labels"].get(key) == value for key, value in by_label.items())
    ]


def management(world: World) -> Store:
    """The management cluster's objects as they are, whether or not its API server answers."""
    with server(world, names.MANAGEMENT).state as data:
        Store(data).ring()
    return Store(data)


def _clusters(world: World) -> list[dict[str, Any]]:
    return [settled(one) for one in management(world).list("hostedclusters", names.NAMESPACE)]


def _cluster(world: World, name: str) -> Finding:
    store = management(world)
    history = settled(store.find("hostedclusters", names.NAMESPACE, name))["status"]["version"]["history"]
    components = {
        settled(one)["status"]["version"] for one in store.list("controlplanecomponents", names.control_plane(name))
    }
    writes = canary(world, name)
    on = f"{history[0]['version']} ({history[0]['state']})"
    release = names.NEW if world.scenario.parameters.get("scope") == "management" else names.OLD
    right = components == {names.OLD} and (history[0]["state"], history[0]["version"]) == ("Completed", release)
    return Finding(what=name, right=right and not writes, found=f"on {on}, a customer's write: {writes or 'taken'}")


def canary(world: World, name: str) -> str:
    """Write to the cluster as its customer would; return what was said against it."""
    try:
        with server(world, names.guest(name)).writing("customer") as store:
            kind = store.kind("configmaps")
            if store.find("configmaps", "default", "canary") is not None:
                store.delete(kind, "default", "canary")
            store.create(kind, {"metadata": {"name": "canary", "namespace": "default"}, "data": {"said": "hello"}})
    except SaysNoError as no:
        return str(no)
    return ""


def workers_untouched(world: World, clusters: Iterable[str]) -> list[Finding]:
    """Generations of MachineDeployments and NodePools are what they were made with: no worker was rolled."""
    store = management(world)
    return [
        Finding(what=f"workers of {name}", right=(said := workers(store, name)) == "1 1 4.20.30", found=said)
        for name in clusters
    ]


def workers(store: Store, name: str) -> str:
    """Return the generations and the version of a cluster's workers."""
    deployment = store.list("machinedeployments", names.control_plane(name))[0]
    (pool,) = (one for one in store.list("nodepools", names.NAMESPACE) if one["spec"]["clusterName"] == name)
    return f"{deployment['metadata']['generation']} {pool['metadata']['generation']} {pool['status']['version']}"


def untouched(world: World, clusters: Iterable[str]) -> list[Finding]:
    """Nothing was done to these since the upgrade: two generations, no annotation, their policies in place."""
    store = management(world)
    found = []
    for name in clusters:
        one = settled(store.find("hostedclusters", names.NAMESPACE, name))["metadata"]
        policies = len(service(world)["clusters"][names.service_id(name)]["policies"])
        said = f"generation {one['generation']}, annotations {one.get('annotations', {})}, {policies} policy"
        found.append(Finding(what=name, right=said == "generation 2, annotations {}, 1 policy", found=said))
    return found


def service(world: World) -> dict[str, Any]:
    return State(str(world.shared / "ocm.json")).read()


def all_clusters(world: World) -> list[str]:
    return [one["metadata"]["name"] for one in _clusters(world)]
