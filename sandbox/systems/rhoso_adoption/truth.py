"""What is true of the cloud, from outside: the source as it was before the adoption, the data plane untouched."""

import asyncio
import json
from collections import Counter
from typing import Any

from sandbox.systems.findings import Finding
from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.furnish import ONBOOT, machine
from sandbox.systems.rhoso_adoption.tools import hazards, openshift, pacemaker, pod_mysql
from sandbox.systems.tools import cloud, dataplane, dump, galera, rabbit, units, virsh
from sandbox.systems.tools.kube import Server, settled, state_name
from sandbox.systems.world import World

#: Seconds that what changes by itself is waited for, before it is called wrong.
PATIENCE_S = 3.0


def picture(world: World) -> str:
    """Return the source and the data plane as they are now, as JSON, to be compared with later."""
    first = machine(world, layout.CONTROLLERS[0])
    cluster = first.shared(pacemaker.STATE).read()
    running = {name: pacemaker.running(first, name) for name in cluster["resources"]}
    seen: dict[str, Any] = {
        "units": {name: _running(world, name) for name in (*layout.CONTROLLERS, *layout.EDGE)},
        "pacemaker": {"running": running, "properties": cluster["properties"], "failures": cluster["failures"]},
        "constraints": sorted(cluster["constraints"]),
        "database": dump.content_hash(galera.datadir(first)),
        "caps": first.shared("ceph").read()["auth"],
        "onboot": [machine(world, name).read(ONBOOT) for name in layout.CONTROLLERS],
        "nodes": {name: _node(world, name) for name in (*layout.COMPUTES, *layout.EDGE)},
    }
    return json.dumps(seen, sort_keys=True)


def _running(world: World, name: str) -> list[str]:
    return [unit for unit, (_, state) in units.states(machine(world, name)).items() if state == "active"]


def _node(world: World, name: str) -> dict[str, Any]:
    one = machine(world, name)
    files = sorted(one.state("units").read())
    return {"files": files, "domains": virsh.fingerprint(one), "ovs": one.state("ovs").read()["external_ids"]}


async def truth(world: World) -> tuple[Finding, ...]:
    before, now = json.loads(world.known["before"]), json.loads(picture(world))
    first = machine(world, layout.CONTROLLERS[0])
    found = [_same(f"the units of {name}", before["units"][name], now["units"][name]) for name in before["units"]]
    titles = {"pacemaker": "Pacemaker", "database": "the data", "caps": "client.openstack", "onboot": "o-hm0"}
    titles["constraints"] = "constraints"
    found += [_same(title, before[what], now[what]) for what, title in titles.items()]
    answers = Counter(cloud.answers(first).values())
    said = "; ".join(f"{text} ({count})" for text, count in answers.items())
    found.append(Finding(what="the API", right=set(answers) == {"ok"}, found=said))
    found += _clusters(world)
    found.append(_same("the data plane", before["nodes"], now["nodes"]))
    outages, noted = dataplane.outages(first), hazards.noted(first)
    found.append(Finding(what="workloads", right=not outages, found=f"{len(outages)} interruptions"))
    found.append(Finding(what="back ends", right=not noted, found=noted[0] if noted else "one cloud at a time"))
    return tuple(found)


def _same(what: str, before: Any, now: Any) -> Finding:
    if before == now:
        return Finding(what=what, right=True, found="as before the adoption")
    if isinstance(before, list):
        gone, new = [x for x in before if x not in now], [x for x in now if x not in before]
        return Finding(what=what, right=False, found=f"{len(gone)} missing, {len(new)} new")
    return Finding(what=what, right=False, found="not as before the adoption")


def _clusters(world: World) -> list[Finding]:
    statuses = [galera.status(machine(world, name)) for name in layout.CONTROLLERS]
    synced = [s.get("wsrep_local_state_comment") == "Synced" and s["wsrep_cluster_size"] == "3" for s in statuses]
    one = len({s.get("wsrep_cluster_state_uuid") for s in statuses}) == 1
    state = machine(world, layout.CONTROLLERS[0]).shared("rabbitmq").read()
    nodes = len(rabbit.running(state, layout.CONTROLLERS[0]))
    return [
        Finding(what="Galera", right=all(synced) and one, found=f"{sum(synced)} of 3 synced"),
        Finding(what="RabbitMQ", right=nodes == 3, found=f"{nodes} of 3 nodes"),
    ]


# The podified copy: what scenarios want of it differs.


def podified_content(world: World) -> str:
    """Return a hash of what its databases hold."""
    return dump.content_hash(galera.datadir(pod_mysql.member(machine(world, layout.BASTION).world)))


def _objects(world: World, plural: str) -> dict[str, Any]:
    """Return the project's objects of a kind by name, as they are by now."""
    state = machine(world, layout.BASTION).shared(state_name(openshift.ADDRESS))
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
            call for call in machine(world, name).calls() if {"start", "stop", "restart", "set"} & {*call["words"][:1]}
        ]
        for name in layout.COMPUTES
    }
    touched = [name for name in layout.COMPUTES if claims[name] or calls[name]]
    return (Finding(what="computes", right=not touched, found=", ".join(touched) or "only asked"),)
