"""What is true of the cloud, from outside: Newton with its data, ports and queues; the rest untouched."""

import json
from pathlib import Path
from typing import Any

from sandbox.systems import looks
from sandbox.systems.containerised_openstack import layout
from sandbox.systems.containerised_openstack.marker import commit
from sandbox.systems.findings import Finding
from sandbox.systems.tools import containers, ports, rabbit, units
from sandbox.systems.world import World

#: What was written last of all, on one member alone, in a scenario where the databases went down one by one.
NEWEST = "newest-volume"
EVIDENCE = "/var/lib/openstack-rollback/evidence/new-state.sql.gz"


def picture(world: World) -> str:
    """Return the controllers, computes and Ceph as they are now, as JSON, to be compared with later."""
    first = world.machine(layout.CONTROLLERS[0])
    seen: dict[str, Any] = {
        **{f"the services of {name}": _services(world, name) for name in layout.CONTROLLERS},
        **{f"the configuration of {name}": _config(world, name) for name in layout.CONTROLLERS},
        **{f"the open ports of {name}": ports.listening(world.machine(name)) for name in layout.CONTROLLERS},
        "RabbitMQ": _rabbit(world),
        "Ceph": first.shared("ceph").read(),
        "computes": {name: _services(world, name) for name in layout.COMPUTES},
    }
    return json.dumps(seen, sort_keys=True)


def _services(world: World, name: str) -> dict[str, str]:
    """What runs, and from which image."""
    one = world.machine(name)
    state = one.state("containers").read()
    images = {box["name"]: state["containers"][box["name"]]["image"] for box in containers.all_of(one)}
    running = [unit for unit, (_, said) in units.states(one).items() if said == "active"]
    return {unit: images.get(unit.removeprefix("openstack-").removesuffix(".service"), "") for unit in running}


def _config(world: World, name: str) -> dict[str, str]:
    base = Path(world.machine(name).path(layout.CONFIG))
    return {str(path.relative_to(base)): path.read_text() for path in sorted(base.rglob("*")) if path.is_file()}


def _rabbit(world: World) -> dict[str, Any]:
    first = world.machine(layout.CONTROLLERS[0])
    state = first.shared("rabbitmq").read()
    cluster = state["clusters"].get(state["nodes"][first.name]["cluster"], {"hosts": [], "flags": []})
    versions = sorted({state["nodes"][host]["version"] for host in cluster["hosts"]})
    return {"running": rabbit.running(state, first.name), "versions": versions, "flags": cluster["flags"]}


async def truth(world: World) -> tuple[Finding, ...]:
    before, now = json.loads(world.known["before"]), json.loads(picture(world))
    doors = [name for name in layout.CONTROLLERS if _exists(world, name, "/var/tmp/clustercheck.disabled")]
    return (
        *(_same(what, before[what], now[what]) for what in before),
        *looks.data(world),
        *looks.apis(world, layout.ORIGIN),
        *looks.workloads(world),
        Finding(what="the databases' door", right=not doors, found=", ".join(doors) or "open"),
    )


def _exists(world: World, name: str, path: str) -> bool:
    return Path(world.machine(name).path(path)).exists()


def _same(what: str, before: Any, now: Any) -> Finding:
    if before == now:
        return Finding(what=what, right=True, found="as before the upgrade")
    if isinstance(before, dict):
        moved = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        return Finding(what=what, right=False, found=f"different: {', '.join(moved)}")
    return Finding(what=what, right=False, found=f"is {now}")


async def evidence_kept(world: World) -> tuple[Finding, ...]:
    """The dump of the new state is there, and whole; nobody can commit what was taken back."""
    said = await commit(world)
    kept = _exists(world, layout.CONTROLLERS[0], EVIDENCE)
    return (
        Finding(what="the dump of the new state", right=kept, found="kept" if kept else "is not there"),
        Finding(
            what="a commit",
            right=said.exit_code == 1 and "the upgrade is rolled-back" in said.stderr,
            found=said.stderr.strip() or "was let through",
        ),
        *computes_only_asked(world),
    )


async def evidence_has_the_newest(world: World) -> tuple[Finding, ...]:
    """Galera began where its data was newest: what only one member had was dumped."""
    text = await world.hosts[layout.CONTROLLERS[0]].run(f"zcat {EVIDENCE}")
    newest = NEWEST in text
    seen = Finding(what="the newest write", right=newest, found="in the evidence" if newest else "lost before the dump")
    return (seen, *(await evidence_kept(world)))


def computes_only_asked(world: World) -> tuple[Finding, ...]:
    claims = [name for name in layout.COMPUTES if world.claims(world.hosts[name])]
    return (Finding(what="computes", right=not claims, found=", ".join(claims) or "only asked"),)
