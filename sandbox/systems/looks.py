"""What truths of several systems look at: the data, the workloads, the APIs, what was called how often."""

import json

from sandbox.systems.findings import Finding
from sandbox.systems.tools import cloud, dataplane, dump, galera, virsh
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.world import World


def remember(world: World) -> None:
    """Keep, before the upgrade, what `data` and `workloads` compare with: call it at the end of `heal`."""
    world.known["domains"] = json.dumps(_domains(world))
    members = _members(world)
    if members:
        world.known["data"] = dump.content_hash(galera.datadir(world.machine(members[0])))


def _domains(world: World) -> dict[str, dict[str, str]]:
    return {name: found for name in sorted(world.hosts) if (found := virsh.fingerprint(world.machine(name)))}


def _members(world: World) -> list[str]:
    """The hosts that have a server's data directory, whether it runs or not."""
    return [name for name in sorted(world.hosts) if not galera.datadir(world.machine(name)).empty]


def data(world: World) -> tuple[Finding, ...]:
    """Every Galera member runs in one primary component and holds exactly the data of before, and no other database."""
    found = []
    for name in _members(world):
        machine = world.machine(name)
        said = galera.status(machine)
        state = said.get("wsrep_cluster_status", "down")
        same = dump.content_hash(galera.datadir(machine)) == world.known["data"]
        words = f"{state}, {'the data of before' if same else 'other data than before'}"
        found.append(Finding(what=f"database on {name}", right=state == "Primary" and same, found=words))
    uuids = {galera.status(world.machine(name)).get("wsrep_cluster_state_uuid") for name in _members(world)}
    one = Finding(what="the cluster", right=len(uuids) == 1, found=f"{len(uuids)} histories")
    return (*found, *([] if one.right else [one]))


def workloads(world: World) -> tuple[Finding, ...]:
    """Every domain is the process it was before the upgrade, and no traffic was ever interrupted."""
    before, now = json.loads(world.known["domains"]), _domains(world)
    touched = sorted(
        f"{host}: {name}"
        for host in before
        for name, mark in before[host].items()
        if now.get(host, {}).get(name) != mark
    )
    outages = dataplane.outages(world.machine(next(iter(world.hosts))))
    felt = [f"{one['what']} by {one['by']}" for one in outages]
    return (
        Finding(
            what="workloads", right=not touched, found=f"touched: {', '.join(touched)}" if touched else "untouched"
        ),
        Finding(
            what="traffic", right=not felt, found=f"interrupted: {', '.join(felt)}" if felt else "never interrupted"
        ),
    )


def apis(world: World, release: str) -> tuple[Finding, ...]:
    """Every service of the cloud answers, from *release*, on each host that has to run it."""
    machine = world.machine(next(iter(world.hosts)))
    found = []
    for service, about in machine.shared("cloud").read()["services"].items():
        try:
            cloud.ask(machine, service, "SELECT 1")
        except SaysNoError as no:
            found.append(Finding(what=service, right=False, found=str(no)))
            continue
        serving = {host.name: cloud.release(host, service) for host in cloud.serving(machine, service)}
        wrong = {name: serving.get(name, "down") for name in about["hosts"] if serving.get(name) != release}
        words = ", ".join(f"{name}: {said or '?'}" for name, said in wrong.items()) if wrong else f"from {release}"
        found.append(Finding(what=service, right=not wrong, found=words))
    return tuple(found)


def called(world: World, host: str, tool: str, *words: str, at_most: int, at_least: int = 0) -> Finding:
    """How often *tool* was called on *host* with all of *words*, by whomever, since the world was raised."""
    times = len(world.machine(host).calls(tool, *words))
    what = " ".join((tool, *words))
    return Finding(what=f"'{what}' on {host}", right=at_least <= times <= at_most, found=f"called {times} times")
