"""What happens behind everybody's back in the scenarios: to a compute, a snapshot, an image, the ledger, a member."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from core.ledger import Snapshot
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import ENGINE, pinned, service_on
from sandbox.systems.fast_forward.tools import volumes
from sandbox.systems.fast_forward.upgrade import BEFORE, after
from sandbox.systems.scenario import Act
from sandbox.systems.tools import dump, galera, sql, units
from sandbox.systems.tools.datadir import Datadir
from sandbox.systems.world import World


async def convert_compute(world: World) -> None:
    """Somebody took the last part of the upgrade on one compute, and its agent told the database."""
    one = world.machine("compute-2")
    units.stop(one, layout.unit("nova-compute"))
    service_on(one, "nova-compute", "queens")
    units.start(one, layout.unit("nova-compute"))
    line = "UPDATE nova.services SET version = 30 WHERE host = 'compute-2' AND \\`binary\\` = 'nova-compute'"
    await world.hosts[layout.BOOTSTRAP].run(f'sudo mysql -e "{line}"')


def snapshot_is(name: str = BEFORE, **about: object) -> Act:
    """Return an act after which a snapshot is as *about* says: percent, invalid, pending."""

    async def act(world: World) -> None:
        with world.machine(layout.BOOTSTRAP).state("lvm") as lvm:
            lvm["snapshots"][name].update(about)

    return act


async def nearly_fill_both(world: World) -> None:
    """Neither is full; what the later one has to bring back is more than the earlier one has room for."""
    await snapshot_is(BEFORE, percent=95.0)(world)
    await snapshot_is(after("ocata"), percent=12.0)(world)


def recorded(change: Callable[[Snapshot], Snapshot]) -> Act:
    """Return an act that records the first snapshot again, changed."""

    async def act(world: World) -> None:
        manifest = f"{layout.KEPT}/{BEFORE}.manifest"
        text = world.machine(layout.BOOTSTRAP).read(manifest)
        snapshot = Snapshot(
            name=BEFORE,
            kind="lvm",
            place=manifest,
            host=layout.BOOTSTRAP,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            taken_at=world.now(),
            engine_version=ENGINE,
            covers="mysql images",
            release="newton",
        )
        await world.recorder.snapshot(change(snapshot))

    return act


def with_another_sum(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, sha256=hashlib.sha256(b"another manifest").hexdigest())


def with_no_release(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, release="Newton (14.0.x)")


async def prune_image(world: World) -> None:
    """Somebody made room: an image of before the upgrade is no longer on one controller."""
    await world.hosts["controller-3"].run(f"sudo podman rmi --force {pinned('newton', 'nova-api')}")


async def fail_one_join(world: World) -> None:
    """The first start of a member fails, as where the donor goes away in the middle of the transfer."""
    text = "[ERROR] WSREP: SST failed: 32 (Broken pipe)"
    units.change(world.machine("controller-3"), "mariadb", fails=text, fails_times=1)


async def snapshot_of_another_moment(world: World) -> None:
    """The snapshot was taken too late: nova's schema had been brought forward already."""
    one = world.machine(layout.BOOTSTRAP)
    session = sql.Session(Datadir(volumes.held(one, BEFORE)), "nova")
    session.run("UPDATE alembic_version SET version_num = 'ocata-nova'")
    session.close()
    world.known["data as upgraded"] = dump.content_hash(galera.datadir(world.machine("controller-2")))


async def break_the_database(world: World) -> None:
    """The servers died in the middle of the migration, and their system tablespaces are lost: none comes up again."""
    for name in reversed(layout.CONTROLLERS):
        host = world.hosts[name]
        galera.crash(world.machine(name))
        host.path(f"{layout.DATADIR}/ibdata1").unlink()
