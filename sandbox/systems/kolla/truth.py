"""What is true of the practice cloud: its images by digest, its data, its broker, its APIs, its workloads."""

import json
from typing import Any

from sandbox.systems import looks
from sandbox.systems.findings import Finding
from sandbox.systems.kolla import layout
from sandbox.systems.tools import containers, dump, galera, rabbit
from sandbox.systems.world import World

UPDATE, KEEPS_DATA = "kolla-update", ("kolla-update", "kolla-old-images")


def plan_of(world: World) -> str:
    return world.scenario.plan or world.system.plan


def _images(world: World) -> dict[str, str]:
    """What runs of the control plane: image and, of an upgrade, which release rendered its configuration."""
    found = {}
    for host in layout.NODES:
        one = world.machine(host)
        for name, box in one.state("containers").read().get("containers", {}).items():
            if name not in layout.DATA_PATH:
                rendered = one.read(f"/etc/kolla/{name}/config.json").strip()
                state = "running" if containers.running(one, name) else "down"
                found[f"{name} on {host}"] = f"{box['image'][:19]} {state} {rendered}"
    return found


def _data_path(world: World) -> dict[str, Any]:
    """What changes if anybody touches a container of the data path."""
    found = {}
    for host in layout.NODES:
        for name, box in world.machine(host).state("containers").read().get("containers", {}).items():
            if name in layout.DATA_PATH:
                found[f"{name} on {host}"] = [box["id"], box["image"], box.get("since"), box["state"]]
    return found


def remember_images(world: World) -> None:
    world.known["images"] = json.dumps(_images(world))


def remember_late(world: World) -> None:
    """Keep what a way back must not touch, once the upgrade has gone wrong: the data path, data it does not lose."""
    world.known["before"] = world.known["data"]
    world.known["data path"] = json.dumps(_data_path(world))
    if plan_of(world) in KEEPS_DATA:
        world.known["data"] = dump.content_hash(galera.datadir(world.machine(layout.CONTROLLERS[0])))
    # What the upgrade itself interrupted is not the way back's doing.
    with world.machine(layout.DEPLOY).shared("dataplane") as plane:
        plane["outages"] = []


async def truth(world: World) -> tuple[Finding, ...]:
    before, now = json.loads(world.known["images"]), _images(world)
    wrong = sorted(name for name in before if now.get(name) != before[name])
    touched = sorted(
        name for name, about in json.loads(world.known["data path"]).items() if _data_path(world).get(name) != about
    )
    first = world.machine(layout.CONTROLLERS[0])
    nodes = len(rabbit.running(first.shared("rabbitmq").read(), first.name))
    return (
        Finding(what="images", right=not wrong, found=f"not as before: {', '.join(wrong)}" if wrong else "as before"),
        *looks.data(world),
        Finding(what="RabbitMQ", right=nodes == len(layout.CONTROLLERS), found=f"{nodes} nodes"),
        *looks.apis(world, layout.BEFORE_UPDATE if plan_of(world) == UPDATE else layout.ORIGIN),
        Finding(
            what="data path", right=not touched, found=f"touched: {', '.join(touched)}" if touched else "untouched"
        ),
        *looks.workloads(world),
    )
