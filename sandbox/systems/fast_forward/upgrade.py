"""
The fast-forward upgrade, over SSH, as its automation does it: services down once, then hop by hop on the bootstrap
controller a snapshot, the next release's images, the schemas; computes come after the last hop.

After the steps of TripleO's fast-forward upgrades (1 to 3 prepare, 4 backup, 5 to 7 packages, 8 database, 9 check).
Here it fails in the second hop, at step 8: keystone's and glance's schemas are brought forward, nova's are not.
"""

import asyncio
import hashlib

from core.ledger import Snapshot
from sandbox.hosts.nursery import HostFailedError
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import DESTINATION, ENGINE, ORIGIN, pinned, service_on
from sandbox.systems.tools import dump, galera, records
from sandbox.systems.world import World

#: The pre-upgrade snapshot, S0.
BEFORE = "before-upgrade"
#: The step of a hop that brings the schemas forward.
DB_SYNC = "8"


def after(release: str) -> str:
    """Return the name of the snapshot that is taken when the hop to *release* has ended."""
    return f"after-{release}"


async def upgrade(world: World) -> None:
    """One hop and a half of three."""
    await one_hop(world)
    await begin_hop(world, "ocata", "pike")
    await fail_in_step_8(world, "pike")


async def one_hop(world: World) -> None:
    """The first hop, which ends well; the truth is told what the chosen snapshot holds."""
    await begin(world)
    await hop(world, "newton", "ocata")
    chosen = world.scenario.parameters.get("snapshot", BEFORE)
    world.known["data"] = world.known.get(f"data of {chosen}", "")


async def begin(world: World) -> None:
    await world.recorder.begin(ORIGIN, DESTINATION)
    await world.recorder.capture()
    await _stop_services(world)
    await take_snapshot(world, BEFORE, ORIGIN)
    await write_late(world)


async def write_late(world: World) -> None:
    """Somebody made a port by hand, past the closed APIs, after the snapshot: what is written since is listed."""
    values = f"'{records.ident('late port')}', 'late', 'late-device', 'DOWN', UTC_TIMESTAMP(), 900"
    lines = ["INSERT INTO neutron.standardattributes VALUES (900, 'ports', UTC_TIMESTAMP())"]
    await _sql(world, [*lines, f"INSERT INTO neutron.ports VALUES ({values})"])


async def _sql(world: World, statements: list[str]) -> None:
    """
    Raises:
        HostFailedError: the database refused one.
    """
    said = await world.hosts[layout.BOOTSTRAP].ask("sudo mysql", stdin=";\n".join(statements) + ";\n")
    if said.exit_code:
        raise HostFailedError(f"'{statements[0]}' and more exited with {said.exit_code}: {said.stderr.strip()}")


async def _stop_services(world: World) -> None:
    names = " ".join(map(layout.unit, layout.SERVICES))
    await asyncio.gather(*(world.hosts[name].run(f"sudo systemctl stop {names}") for name in layout.CONTROLLERS))


async def take_snapshot(world: World, name: str, release: str) -> Snapshot:
    """Step 4: snapshot the volume of the databases, write down what belongs to it, and tell the ledger."""
    first, moment = world.hosts[layout.BOOTSTRAP], world.now()
    volume = f"{layout.GROUP}/{name}"
    await first.run(f"sudo lvcreate --snapshot --size 20G --name {name} {layout.GROUP}/{layout.VOLUME}")
    uuid = await first.run(f"sudo lvs --noheadings -o lv_uuid {volume}")
    lines = [f"release {release}", f"engine {ENGINE}", f"volume {volume} {uuid.strip()}"]
    lines += [f"image {layout.unit(each)} {pinned(release, each)}" for each in layout.services_of(release)]
    manifest, text = f"{layout.KEPT}/{name}.manifest", "\n".join(lines) + "\n"
    await asyncio.gather(*(put(world, host, manifest, text) for host in layout.CONTROLLERS))
    snapshot = Snapshot(
        name=name,
        kind="lvm",
        place=manifest,
        host=first.name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        taken_at=moment,
        engine_version=ENGINE,
        covers="mysql images",
        release=release,
    )
    await world.recorder.snapshot(snapshot)
    world.known[f"data of {name}"] = dump.content_hash(galera.datadir(world.machine(first.name)))
    return snapshot


async def put(world: World, host: str, path: str, text: str) -> None:
    """
    Raises:
        HostFailedError: the file could not be written.
    """
    folder = path.rpartition("/")[0]
    said = await world.hosts[host].ask(f"sudo mkdir -p {folder} && sudo tee {path} >/dev/null", stdin=text)
    if said.exit_code:
        raise HostFailedError(f"writing {path} on {host} exited with {said.exit_code}: {said.stderr.strip()}")


async def hop(world: World, origin: str, destination: str) -> None:
    """A hop that ends well, and the snapshot after it."""
    await begin_hop(world, origin, destination)
    for database in layout.heads_of(destination):
        await sync(world, database, destination)
    await world.recorder.hop_done(destination)
    await take_snapshot(world, after(destination), destination)


async def begin_hop(world: World, origin: str, destination: str) -> None:
    """Tell the ledger, and let every controller have the images of the hop's release: steps 3 to 7."""
    taken = BEFORE if origin == ORIGIN else after(origin)
    await world.recorder.hop(origin, destination, taken)
    await at_step(world, "3")
    for name in layout.CONTROLLERS:
        one = world.machine(name)
        for service in layout.services_of(destination):
            service_on(one, service, destination)
    await at_step(world, DB_SYNC)


async def at_step(world: World, step: str) -> None:
    await world.recorder.baseline({"hop-step": step})


async def sync(world: World, database: str, release: str) -> None:
    """What `DATABASE-manage db sync` of *release* leaves behind."""
    heads = layout.heads_of(release)[database]
    values = ", ".join(f"('{head}')" for head in heads)
    lines = [f"CREATE DATABASE IF NOT EXISTS {database}", f"USE {database}"]
    lines += [
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(64) NOT NULL, PRIMARY KEY (version_num))"
    ]
    lines += ["DELETE FROM alembic_version", f"INSERT INTO alembic_version VALUES {values}"]
    lines += [f"CREATE TABLE brought_by_{release} (id int NOT NULL, PRIMARY KEY (id))"]
    await _sql(world, lines)


async def fail_in_step_8(world: World, release: str) -> None:
    for database in ("keystone", "glance"):
        await sync(world, database, release)


async def say_it_ended(world: World) -> None:
    """The second hop fails, and somebody records that it has ended: nova's schemas were never brought forward."""
    await upgrade(world)
    await world.recorder.hop_done("pike")


async def go_on_unseen(world: World) -> None:
    """Somebody brought nova forward by hand, to a release of which the ledger has no hop."""
    await sync(world, "nova", "queens")
