"""What may happen to the hosted fleet behind the bot's back, done for real where a tool does it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.systems.hosted_control_plane import names
from tests.sandbox.systems.hosted import Fleet

MANAGEMENT = "kube-api.mgmt-east.example.net"
GUEST = "kube-api.cust-01.example.net"
CLUSTER = f"{names.NAMESPACE}/cust-01"
OLD, NEW = names.image(names.OLD), names.image(names.NEW)

Event = Callable[[Fleet], Awaitable[None]]


def release(version: str, cluster: str = "cust-01") -> str:
    patch = json.dumps({"spec": {"release": {"image": names.image(version)}}})
    return f"patch hostedclusters -n {names.NAMESPACE} {cluster} --type=merge -p '{patch}'"


async def settle(fleet: Fleet, version: str) -> None:
    """Move cust-01 to *version* as an upgrade does, and wait until it is there."""
    await fleet.must(release(version))
    wait = "--for=jsonpath='{.status.version.history[0].state}'=Completed --timeout=30s"
    await fleet.must(f"wait hostedclusters/cust-01 -n {names.NAMESPACE} {wait}")


async def to_the_next_minor(fleet: Fleet) -> None:
    await settle(fleet, "4.21.2")


async def on_from_another_release(fleet: Fleet) -> None:
    """4.20.30, then 4.20.32, then 4.20.31: the release before is not the one the ledger names."""
    await settle(fleet, "4.20.32")
    await settle(fleet, "4.20.31")


async def roll_the_workers(fleet: Fleet) -> None:
    await fleet.must(release(names.NEW, "cust-01-workers").replace("hostedclusters", "nodepools"))


async def store_another_version(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    kind = data["objects"]["customresourcedefinitions"]["/ingresses.config.openshift.io"]
    kind["status"]["storedVersions"] = ["v1", "v2"]
    fleet.write(GUEST, data)


async def drop_the_old_image(fleet: Fleet) -> None:
    data = fleet.objects("registry")
    del data["releases"][names.digest(names.OLD)]
    fleet.write("registry", data)


async def new_kind_of_the_release(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    kinds = data["objects"]["customresourcedefinitions"]
    kinds["/new.config.openshift.io"] = json.loads(
        json.dumps(kinds["/ingresses.config.openshift.io"]).replace("ingresses.config", "new.config")
    )
    fleet.write(GUEST, data)


async def no_kind_of_the_release(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    data["objects"]["customresourcedefinitions"] = {}
    fleet.write(GUEST, data)


def cluster(**changes: Any) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["hostedclusters"][CLUSTER].update(changes)
        fleet.write(MANAGEMENT, data)

    return event


def config_map(name: str, key: str, value: object) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["configmaps"][f"hypershift/{name}"]["data"][key] = json.dumps(value)
        fleet.write(MANAGEMENT, data)

    return event


def migration(**states: str) -> Event:
    conditions = [{"type": kind, "status": status} for kind, status in states.items()]
    return config_map("capi-migration-status", "status", {"conditions": conditions})


def pool(**changes: Any) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["nodepools"][f"{names.NAMESPACE}/cust-01-workers"]["status"].update(changes)
        fleet.write(MANAGEMENT, data)

    return event


def outage(file: str, text: str) -> Event:
    async def event(fleet: Fleet) -> None:
        fleet.write(file, {**fleet.objects(file), "outage": text})

    return event


async def etcd_does_not_answer(fleet: Fleet) -> None:
    data = fleet.objects(MANAGEMENT)
    data["hypershift"]["etcd"]["cust-01"]["outage"] = "context deadline exceeded"
    fleet.write(MANAGEMENT, data)


async def force_and_forbid(fleet: Fleet) -> None:
    await fleet.must(f"annotate hostedclusters -n {names.NAMESPACE} cust-01 {names.FORCE}={NEW}")
    data = fleet.objects(MANAGEMENT)
    for one in data["objects"]["hostedclusters"][CLUSTER]["status"]["conditions"]:
        if one["type"] == "ClusterVersionUpgradeable":
            one["status"] = "False"
    fleet.write(MANAGEMENT, data)


async def behave(fleet: Fleet, **how: object) -> None:
    data = fleet.objects(MANAGEMENT)
    data["hypershift"].update(how)
    fleet.write(MANAGEMENT, data)
