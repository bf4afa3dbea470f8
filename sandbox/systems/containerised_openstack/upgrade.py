"""
The upgrade that goes wrong, over SSH, as its playbooks do it: configurations saved, services stopped, databases dumped,
schemas migrated, containers replaced. Then nothing can be scheduled, and nobody has committed it.
"""

import asyncio

from core.ledger import Snapshot
from sandbox.systems.containerised_openstack import layout, truth
from sandbox.systems.containerised_openstack.furnish import box, haproxy_cfg
from sandbox.systems.containerised_openstack.marker import set_state
from sandbox.systems.containerised_openstack.tools import haproxy_box
from sandbox.systems.tools import containers
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World

DUMP, ROWS = f"{layout.KEPT}/galera.sql.gz", f"{layout.KEPT}/galera.rows"
_DUMP = (
    "set -e; docker exec galera mysqldump --single-transaction --add-drop-database --databases "
    f"{' '.join(layout.DATABASES)} | gzip >{DUMP}"
)
#: The rows of each table, a line each: what the plan's `restore` counts again.
_ROWS = (
    'set -e; docker exec galera mysql -NBe "SELECT table_schema, table_name FROM information_schema.tables WHERE '
    "table_type = 'BASE TABLE' AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')\""
    """ | awk '{ printf "SELECT \\"%s.%s\\", COUNT(*) FROM `%s`.`%s`;\\n", $1, $2, $1, $2 }'"""
    f" | docker exec -i galera mysql -NB | LC_ALL=C sort >{ROWS}"
)
_MIGRATIONS = "".join(
    f"UPDATE {name}.alembic_version SET version_num = '{name}-{layout.DESTINATION}';" for name in layout.DATABASES
) + (
    "ALTER TABLE nova.instances ADD COLUMN hidden int;"
    "CREATE DATABASE nova_cell0; USE nova_cell0; CREATE TABLE instances (id int NOT NULL, uuid varchar(36));"
    "USE nova_api; CREATE TABLE resource_providers (id int NOT NULL, uuid varchar(36));"
    "INSERT INTO keystone.service VALUES ('placement', 'placement', 'placement');"
    f"INSERT INTO keystone.endpoint VALUES ('placement', 'placement', 'regionOne', 'public', 1, "
    f"'http://{layout.VIP}:{layout.NEW_PORT}');"
)
#: What people did on Ocata before anybody saw that it was broken.
_LATE_WRITES = (
    "INSERT INTO cinder.volumes VALUES ('late-volume-id', 'late-volume', 'available', 1, 0, NOW());"
    "INSERT INTO neutron.networks VALUES ('late-network-id', 'late-network', NOW());"
)


async def upgrade(world: World) -> None:
    await begin(world)
    await world.recorder.capture()
    await go_on(world)


async def unrecorded(world: World) -> None:
    """The same, but nobody has captured what there was."""
    await begin(world)
    await go_on(world)


async def with_another_engine(world: World) -> None:
    """The same, but the dump was written by a newer MariaDB, on some other cluster."""
    await begin(world)
    await world.recorder.capture()
    await go_on(world, engine="10.3.8-MariaDB")


async def go_on(world: World, engine: str = layout.ENGINE) -> None:
    await _save_config(world)
    await _stop_and_dump(world, engine)
    await sql(world, _MIGRATIONS)
    await asyncio.gather(*(_replace(world, name) for name in layout.CONTROLLERS))
    await sql(world, _LATE_WRITES)
    await set_state(world, "upgraded")
    await world.recorder.mark("services-upgraded", "all controllers run Ocata; nothing can be scheduled")


async def begin(world: World) -> None:
    world.known["before"] = truth.picture(world)
    await world.recorder.begin(layout.ORIGIN, layout.DESTINATION)
    await set_state(world, "running")


async def _save_config(world: World) -> None:
    await asyncio.gather(
        *(
            world.hosts[name].run(f"set -e; mkdir -p {layout.KEPT}; cp -a {layout.CONFIG} {layout.KEPT}/etc")
            for name in layout.CONTROLLERS
        )
    )


async def _stop_and_dump(world: World, engine: str) -> None:
    wanted = " ".join(map(layout.unit, layout.SERVICES))
    await asyncio.gather(*(world.hosts[name].run(f"systemctl stop {wanted}") for name in layout.CONTROLLERS))
    first = world.hosts[layout.CONTROLLERS[0]]
    for name, kind, place, command in (("database", "mysqldump", DUMP, _DUMP), ("rows", "row-counts", ROWS, _ROWS)):
        await first.run(command)
        sha256 = (await first.run(f"sha256sum {place}")).split()[0]
        snapshot = Snapshot(
            name=name,
            kind=kind,
            place=place,
            host=first.name,
            sha256=sha256,
            engine_version=engine,
            covers=" ".join(layout.DATABASES),
            release=layout.ORIGIN,
            taken_at=world.now(),
        )
        await world.recorder.snapshot(snapshot)


async def sql(world: World, script: str, host: str = layout.CONTROLLERS[0]) -> None:
    await world.hosts[host].run(f"docker exec -i galera mysql <<'END'\n{script}\nEND")


async def _replace(world: World, name: str) -> None:
    """Put Ocata's images and configurations in place of Newton's, and start them; one service is new."""
    one, host = world.machine(name), world.hosts[name]
    for service in (*layout.SERVICES, layout.NEW_SERVICE):
        _publish(one, service)
    box(
        one,
        layout.NEW_SERVICE,
        layout.unit(layout.NEW_SERVICE),
        layout.image(layout.NEW_SERVICE, layout.DESTINATION),
        ports=[f"tcp:{layout.NEW_PORT}"],
    )
    for service in layout.SERVICES:
        one.write(layout.environment(service), f"IMAGE={layout.image(service, layout.DESTINATION)}\n")
        one.write(f"{layout.CONFIG}/{service}/{service}.conf", f"[DEFAULT]\nrelease = {layout.DESTINATION}\n")
    one.write(f"{layout.CONFIG}/keystone/fernet-keys/1", f"the key of {layout.DESTINATION}\n")
    ports = (*(port for ports in layout.SERVICES.values() for port in ports), layout.NEW_PORT)
    one.write(haproxy_box.CONFIG, haproxy_cfg(*ports))
    images = " ".join(layout.image(each, layout.DESTINATION) for each in (*layout.SERVICES, layout.NEW_SERVICE))
    wanted = " ".join(map(layout.unit, (*layout.SERVICES, layout.NEW_SERVICE)))
    await host.run(
        f"set -e; docker pull {images}; docker rm -f {' '.join(layout.SERVICES)}; "
        f"systemctl restart haproxy; systemctl start {wanted}"
    )


def _publish(one: Machine, service: str) -> None:
    containers.publish(one, f"{layout.REGISTRY}/{service}:{layout.DESTINATION}", release=layout.DESTINATION)


async def move_rabbit(world: World) -> None:
    """The upgrade took RabbitMQ along, and its flags were enabled: the old version cannot read that any more."""
    image = layout.image("rabbitmq", layout.DESTINATION)
    for name in layout.CONTROLLERS:
        one = world.machine(name)
        tag = f"{layout.REGISTRY}/rabbitmq:{layout.DESTINATION}"
        containers.publish(one, tag, release=layout.DESTINATION, engine=layout.NEW_RABBIT)
        one.write(layout.environment("rabbitmq"), f"IMAGE={image}\n")
        await world.hosts[name].run(
            f"set -e; docker pull {image}; systemctl stop rabbitmq; docker rm -f rabbitmq; systemctl start rabbitmq"
        )
    await world.hosts[layout.CONTROLLERS[0]].run("docker exec rabbitmq rabbitmqctl enable_feature_flag all")
