"""What is true of the cloud, from outside: the source as it was before the adoption, the data plane untouched."""

import asyncio
import json
from typing import Any

from sandbox.systems import looks
from sandbox.systems.findings import Finding
from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.furnish import ONBOOT, ORIGIN
from sandbox.systems.rhoso_adoption.tools import hazards, openshift, pacemaker, pod_mysql
from sandbox.systems.tools import dump, galera, rabbit, units
from sandbox.systems.tools.kube import Server, settled
from sandbox.systems.tools.kubeconfig import state_name
from sandbox.systems.world import World

#: Seconds that what changes by itself is waited for, before it is called wrong.
PATIENCE_S = 3.0


def picture(world: World) -> str:
    """Return the source and the nodes as they are now, as JSON, to be compared with later."""
    first = world.machine(layout.CONTROLLERS[0])
    cluster = first.shared(pacemaker.STATE).read()
    running = {name: pacemaker.running(first, name) for name in cluster["resources"]}
    seen: dict[str, Any] = {
        **{f"the units of {name}": _running(world, name) for name in (*layout.CONTROLLERS, *layout.EDGE)},
        "Pacemaker": {"running": running, "properties": cluster["properties"], "failures": cluster["failures"]},
        "constraints": sorted(cluster["constraints"]),
        "client.openstack": first.shared("ceph").read()["auth"],
        "o-hm0": [world.machine(name).read(ONBOOT) for name in layout.CONTROLLERS],
        "nodes": {name: _node(world, name) for name in (*layout.COMPUTES, *layout.EDGE)},
    }
    return json.dumps(seen, sort_keys=True)


def _running(world: World, name: str) -> list[str]:
    return [unit for unit, (_, state) in units.states(world.machine(name)).items() if state == "active"]


def _node(world: World, name: str) -> dict[str, Any]:
    one = world.machine(name)
    return {"files": sorted(one.state("units").read()), "ovs": one.state("ovs").read()["external_ids"]}


async def truth(world: World) -> tuple[Finding, ...]:
    before, now = json.loads(world.known["before"]), json.loads(picture(world))
    first = world.machine(layout.CONTROLLERS[0])
    nodes = len(rabbit.running(first.shared("rabbitmq").read(), first.name))
    noted = hazards.noted(first)
    return (
        *(_same(what, before[what], now[what]) for what in before),
        *looks.data(world),
        Finding(what="RabbitMQ", right=nodes == len(layout.CONTROLLERS), found=f"{nodes} nodes"),
        *looks.apis(world, ORIGIN),
        *looks.workloads(world),
        Finding(what="back ends", right=not noted, found=noted[0] if noted else "one cloud at a time"),
    )


def _same(what: str, before: Any, now: Any) -> Finding:
    if before == now:
        return Finding(what=what, right=True, found="as before the adoption")
    if isinstance(before, list):
        gone, new = [x for x in before if x not in now], [x for x in now if x not in before]
        return Finding(what=what, right=False, found=f"{len(gone)} missing, {len(new)} new")
    return Finding(what=what, right=False, found="not as before the adoption")


# The podified copy: what scenarios want of it differs.


def podified_content(world: World) -> str:
    """Return a hash of what its databases hold."""
    return dump.content_hash(galera.datadir(pod_mysql.member(world.machine(layout.BASTION).world)))


def _objects(world: World, plural: str) -> dict[str, Any]:
    """Return the project's objects of a kind by name, as they are by now."""
    state = world.machine(layout.BASTION).shared(state_name(openshift.ADDRESS))
    server = Server(openshift.ADDRESS, state)
    return {one["metadata"]["name"]: settled(one) for one in server.reading().list(plural, openshift.NAMESPACE)}


def _runs(world: World) -> list[str]:
    return sorted(name for name, pod in _objects(world, "pods").items() if pod["status"]["phase"] == "Running")


async def podified_gone(world: World) -> tuple[Finding, ...]:
    """Nothing of it is left that could disturb the source or the next attempt."""
    planes, pods = _objects(world, "openstackcontrolplanes"), _runs(world)
    claims = sorted(_objects(world, "persistentvolumeclaims"))
    fences, secrets = sorted(_objects(world, "resourcequotas")), sorted(_objects(world, "secrets"))
    return (
        Finding(what="the podified control plane", right=not planes and not pods, found=f"{len(pods)} pods"),
        Finding(what="its volumes and secrets", right=not claims and not secrets, found=", ".join((*claims, *secrets))),
        Finding(what="the fence", right=not fences, found=", ".join(fences) or "none"),
        *(await computes_only_asked(world)),
    )


async def podified_quiet(world: World) -> tuple[Finding, ...]:
    """It is still there with its data, and nothing of it writes."""
    pods = _runs(world)
    same = podified_content(world) == world.known["podified"]
    kept = "openstack" in _objects(world, "openstackcontrolplanes") and "openstack-galera-0" in pods
    writers = [name for name in pods if name.startswith(("cinder", "manila", "nova", "neutron", "keystone"))]
    return (
        Finding(
            what="the podified copy", right=kept and same, found=f"{len(pods)} pods, {'same' if same else 'other'} data"
        ),
        Finding(what="its writers", right=not writers, found=", ".join(writers) or "quiet"),
        *(await computes_only_asked(world)),
    )


async def podified_as_it_was(world: World) -> tuple[Finding, ...]:
    """It runs as the adoption left it."""
    wanted = {*openshift.INFRASTRUCTURE, *(name for sets in openshift.SERVICES.values() for name in sets)}
    missing = await _missing(world, wanted)
    same, fences = podified_content(world) == world.known["podified"], _objects(world, "resourcequotas")
    return (
        Finding(what="the podified services", right=not missing, found=", ".join(sorted(missing)) or "all run"),
        Finding(what="the podified data", right=same, found="as it was" if same else "other"),
        Finding(what="the fence", right=not fences, found=", ".join(fences) or "none"),
    )


async def _missing(world: World, wanted: set[str]) -> set[str]:
    """What does not run; pods that are being made again are waited for."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while missing := wanted - {name.rpartition("-")[0] for name in _runs(world)}:
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.05)
    return missing


async def computes_only_asked(world: World) -> tuple[Finding, ...]:
    """A rollback writes nothing on a node of the data plane that is no part of the source."""
    claims = {name: world.claims(world.hosts[name]) for name in layout.COMPUTES}
    calls = {
        name: [
            call for call in world.machine(name).calls() if {"start", "stop", "restart", "set"} & {*call["words"][:1]}
        ]
        for name in layout.COMPUTES
    }
    touched = [name for name in layout.COMPUTES if claims[name] or calls[name]]
    return (Finding(what="computes", right=not touched, found=", ".join(touched) or "only asked"),)
