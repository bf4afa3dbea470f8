"""What happens to the cloud behind everybody's back, for scenarios and tests."""

from sandbox.hosts.nursery import HostFailedError
from sandbox.systems.containerised_openstack import layout
from sandbox.systems.containerised_openstack.marker import commit
from sandbox.systems.containerised_openstack.tools import galera_box
from sandbox.systems.containerised_openstack.truth import NEWEST
from sandbox.systems.containerised_openstack.upgrade import DUMP, sql
from sandbox.systems.scenario import Act
from sandbox.systems.tools import containers, galera, units
from sandbox.systems.world import World

FIRST, SECOND, THIRD = layout.CONTROLLERS


def runs(host: str, command: str) -> Act:
    """Return an act that runs *command* on *host*."""

    async def act(world: World) -> None:
        await world.hosts[host].run(command)

    return act


async def spoil_dump(world: World) -> None:
    await runs(FIRST, f"echo spoilt >>{DUMP}")(world)


async def two_histories(world: World) -> None:
    """All members stopped; then somebody forgot that and began a cluster of its own on the second, for a moment."""
    for name in layout.CONTROLLERS:
        await world.hosts[name].run("systemctl stop galera")
    await world.hosts[SECOND].run(
        f"set -e; rm /var/lib/mysql/grastate.dat; echo BOOTSTRAP_ARGS=--wsrep-new-cluster >{galera_box.ENVIRONMENT}; "
        f"systemctl start galera; rm {galera_box.ENVIRONMENT}; systemctl stop galera"
    )


async def all_members_down(world: World) -> None:
    """They went one by one, and the last one died with a write only it has."""
    for name in (FIRST, THIRD):
        await world.hosts[name].run("systemctl stop galera")
    for number in range(8):
        await sql(
            world,
            f"INSERT INTO cinder.volumes VALUES ('{NEWEST}-{number}', '{NEWEST}', 'available', 1, 0, NOW());",
            SECOND,
        )
    galera.crash(world.machine(SECOND))


async def open_a_port(world: World) -> None:
    """Somebody's debugging aid, which no playbook knows of."""
    units.define(world.machine(SECOND), "debug-shell.service", active="active", ports=["tcp:6000"])


async def commit_it(world: World) -> None:
    """
    Raises:
        HostFailedError: the playbook did not let it through.
    """
    said = await commit(world)
    if said.exit_code:
        raise HostFailedError(f"the commit was refused: {said.stderr.strip()}")


async def commit_in_vain(world: World) -> None:
    """
    Raises:
        HostFailedError: it was let through.
    """
    said = await commit(world)
    if "the upgrade is rolling-back" not in said.stderr:
        raise HostFailedError("a commit was let through while the upgrade is being taken back")


async def upgrade_compute(world: World) -> None:
    one = world.machine("compute-2")
    name, image = "nova-compute", layout.image("nova-compute", layout.DESTINATION)
    containers.publish(one, f"{layout.REGISTRY}/{name}:{layout.DESTINATION}", release=layout.DESTINATION)
    one.write(layout.environment(name), f"IMAGE={image}\n")
    unit = layout.unit(name)
    await world.hosts[one.name].run(
        f"set -e; docker pull {image}; systemctl stop {unit}; docker rm -f {name}; systemctl start {unit}"
    )
