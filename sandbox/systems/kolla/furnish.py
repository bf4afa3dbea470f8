"""Furnish the practice cloud: a Kolla deployment of series 2025.1, healthy, with its tools on the deployment host."""

from pathlib import Path

from sandbox.systems import looks
from sandbox.systems.kolla import layout, truth
from sandbox.systems.kolla.tools import site
from sandbox.systems.tools import cloud, containers, dataplane, galera, rabbit, records, virsh
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World

CANARY = "198.51.100.24"
PASSWORD = "Zq4vN0pe"
SERVERS = {"web-1": "compute-1", "web-2": "compute-2"}
DAEMONS = {"mariadb": galera.DAEMON, "rabbitmq": rabbit.DAEMON}
API_OF = {"keystone": "keystone", "glance": "glance_api", "cinder": "cinder_api", "placement": "placement_api"}
API_OF |= {"nova": "nova_api", "neutron": "neutron_server"}
#: Where the images keep keystone's and neutron's migrations.
KEYSTONE = "/var/lib/kolla/venv/lib/python3.12/site-packages/keystone/common/sql/migrations/versions/2024.01"
NEUTRON = "/var/lib/kolla/venv/lib/python3.12/site-packages/neutron/db/migration/alembic_migrations/versions/2024.1"
FERNET = "/var/lib/docker/volumes/keystone_fernet_tokens/_data"


def furnish(world: World) -> None:
    deploy, controllers = world.machine(layout.DEPLOY), [world.machine(name) for name in layout.CONTROLLERS]
    publish(world, layout.BEFORE_UPDATE if world.scenario.plan == "kolla-update" else layout.ORIGIN)
    site.furnish(
        deploy,
        services=layout.SERVICES,
        order=list(layout.SERVICES),
        heads=layout.HEADS,
        contracts=list(layout.CONTRACTS),
        versions=layout.VERSIONS,
        repository="quay.io/openstack.kolla",
        tags={release: layout.tag_of(release) for release in (layout.ORIGIN, layout.DESTINATION)},
    )
    for one in controllers:
        _controller(one)
    for name in layout.COMPUTES:
        _compute(world.machine(name))
    _data(controllers)
    _deployment(deploy)
    dataplane.place(deploy, CANARY, "compute-1", "web-1")


def publish(world: World, build: str, **engines: str) -> None:
    """Put the images of *build* into the registry, under the tag of its series."""
    series = build[:6]
    engine = {"mariadb": layout.ENGINE[series], "rabbitmq": layout.RABBIT[series], **engines}
    for name in {name for found in layout.SERVICES.values() for name in found}:
        digest = containers.digest_of(f"{name} of {build}")
        labels = {"release": build, **({"engine": engine[name]} if name in engine else {})}
        containers.publish(world.machine(layout.DEPLOY), layout.image(name, layout.tag_of(build)), digest, **labels)


def _controller(one: Machine) -> None:
    one.write("/root/.belay-mariadb.env", f"MYSQL_PWD={PASSWORD}\n")
    # Files of the container's that plans read there: a practice container has no files of its own.
    one.write(f"{KEYSTONE}/contract/c1a3c5b7d9f0_drop_old.py", "revision = 'c1a3c5b7d9f0'\n")
    one.write(f"{NEUTRON}/contract/c5f7a9b1c3d4_drop_old.py", "revision = 'c5f7a9b1c3d4'\n")
    for number in range(3):
        one.write(f"{FERNET}/{number}", f"key {number}\n")
    for seen, volume in (("/var/lib/mysql", "mariadb"), ("/var/lib/rabbitmq", "rabbitmq")):
        Path(one.path(f"/var/lib/docker/volumes/{volume}/_data")).mkdir(parents=True)
        Path(one.path(seen)).symlink_to(f"docker/volumes/{volume}/_data")
    _containers(one)


def _compute(one: Machine) -> None:
    for name, host in SERVERS.items():
        if host == one.name:
            virsh.define(one, name, records.ident(name))
    _containers(one)


def _containers(one: Machine) -> None:
    for service in layout.SERVICES.values():
        for name, hosts in service.items():
            if one.name not in hosts:
                continue
            about = {"daemon": DAEMONS[name]} if name in DAEMONS else {}
            if name in layout.CARRIERS:
                about["carries"] = layout.CARRIERS[name].format(one.name)
            containers.defaults(one, name, **about)
            site.create(one, name, layout.tag_of(layout.ORIGIN))
            site.configure(one, name, layout.ORIGIN)


def _data(controllers: list[Machine]) -> None:
    galera.furnish(controllers, engine=layout.ENGINE[layout.ORIGIN], password=PASSWORD)
    rabbit.furnish(controllers, version=layout.RABBIT[layout.ORIGIN], flags_of=layout.FLAGS)
    before = {name: revisions[0] for name, revisions in layout.HEADS.items()}
    scripts = records.cloud(
        before,
        controllers=layout.CONTROLLERS,
        computes=layout.COMPUTES,
        servers=SERVERS,
        version=layout.VERSIONS[layout.ORIGIN],
    )
    for one in controllers:
        records.furnish(galera.datadir(one), scripts)
    hosts = list(layout.CONTROLLERS)
    cloud.furnish(
        controllers[0],
        services={name: {"hosts": hosts, "container": container} for name, container in API_OF.items()},
        behind="haproxy",
        release=layout.ORIGIN,
        speaks={name: _speaks(name) for name in layout.HEADS},
    )


def _speaks(service: str) -> dict[str, list[str]]:
    """Old code gets along with the new schema as long as it was only expanded."""
    old, expanded, contracted = layout.HEADS[service]
    known = {layout.ORIGIN: [*old, *expanded], layout.DESTINATION: [*expanded, *contracted]}
    return {**known, **{build: known[build[:6]] for build in (layout.BEFORE_UPDATE, layout.AFTER_UPDATE)}}


def _deployment(deploy: Machine) -> None:
    for release in (layout.ORIGIN, layout.DESTINATION):
        for tool in ("kolla-ansible", "ansible"):
            path = f"{layout.virtual_environment(release)}/bin/{tool}"
            deploy.write(path, f'#!/bin/sh\nKOLLA_RELEASE={release} exec {tool} "$@"\n')
            Path(deploy.path(path)).chmod(0o755)
    Path(deploy.path("/opt/kolla")).symlink_to(layout.virtual_environment(layout.ORIGIN))
    deploy.write("/etc/kolla/globals.yml", f'openstack_release: "{layout.ORIGIN}"\n')
    deploy.write("/etc/kolla/passwords.yml", f"database_password: {PASSWORD}\n")
    deploy.write("/etc/kolla/inventory", "[control]\ncontrol-[1:3]\n[mariadb:children]\ncontrol\n")


async def heal(world: World) -> None:
    """Start every container, Galera's first member first."""
    with world.machine(layout.CONTROLLERS[0]).state("galera") as mine:
        mine["new_cluster"] = True
    for service in layout.SERVICES.values():
        for name, hosts in service.items():
            for host in hosts:
                containers.run(world.machine(host), name)
    looks.remember(world)
    truth.remember_images(world)
