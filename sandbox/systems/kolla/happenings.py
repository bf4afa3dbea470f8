"""What happens behind everybody's back in scenarios of the Kolla cloud, and what more has to be true afterwards."""

from collections.abc import Mapping
from dataclasses import replace

from sandbox.systems.findings import Finding
from sandbox.systems.kolla import layout
from sandbox.systems.kolla.upgrade import BACKUPS, kept_backup
from sandbox.systems.scenario import Act, Look
from sandbox.systems.tools import galera
from sandbox.systems.tools.datadir import new_uuid
from sandbox.systems.world import World


async def older_backup_engine(world: World) -> None:
    """Somebody records a later backup, made with the server of another cloud."""
    kept = kept_backup(world)
    await world.recorder.snapshot(replace(kept, engine_version="11.4.2-MariaDB", taken_at=kept.taken_at))


async def another_backup(world: World) -> None:
    await world.hosts[layout.CONTROLLERS[0]].run(f"for file in {BACKUPS}/full-*/*.gz; do echo >>$file; done")


async def lost_the_old_tools(world: World) -> None:
    await world.hosts[layout.DEPLOY].run("rm -r /etc/kolla-old")


def behind(numbers: Mapping[str, int]) -> Act:
    """Return an act after which the members' data go to those transactions, and no shutdown was clean."""

    async def act(world: World) -> None:
        for host, seqno in numbers.items():
            data = galera.datadir(world.machine(host))
            data.set_position(seqno=seqno)
            data.set_grastate(data.position()["uuid"], -1, safe=False)

    return act


def history_of_its_own(host: str) -> Act:
    async def act(world: World) -> None:
        data, uuid = galera.datadir(world.machine(host)), new_uuid()
        data.set_position(uuid=uuid)
        data.set_grastate(uuid, 5000, safe=True)

    return act


def slow_to_join(host: str) -> Act:
    async def act(world: World) -> None:
        with world.machine(host).shared("galera") as cluster:
            cluster["sync_s"] = {host: 3600.0}

    return act


def joins(host: str) -> Act:
    async def act(world: World) -> None:
        with world.machine(host).shared("galera") as cluster:
            cluster["sync_s"] = {}
        await world.hosts[host].run("docker restart mariadb")

    return act


def recovered_at(host: str) -> Look:
    """Galera was begun anew once, and there."""

    async def look(world: World) -> tuple[Finding, ...]:
        words = f"mariadb_recover_inventory_name={host}"
        calls = world.machine(layout.DEPLOY).calls("kolla-ansible", "mariadb-recovery")
        right = len(calls) == 1 and words in calls[0]["words"]
        named = [word for call in calls for word in call["words"] if "inventory_name" in word]
        return (Finding(what="Galera was begun anew", right=right, found=", ".join(named) or "never"),)

    return look
