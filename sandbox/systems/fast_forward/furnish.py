"""Furnish the practice cloud: a newton control plane whose databases lie on a volume of their own, and two computes."""

from sandbox.systems import looks
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.tools import volumes
from sandbox.systems.tools import ceph, cloud, containers, dataplane, galera, records, units, virsh
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World

ORIGIN, DESTINATION = layout.RELEASES[0], layout.RELEASES[-1]
CANARY = "198.51.100.31"
ENGINE = "10.1.48-MariaDB"
OS = "CentOS Linux release 7.9.2009 (Core)\n"
SERVERS = {"web-1": "compute-1", "web-2": "compute-2"}
HEADS_FILE = "/home/stack/ffu-heads"
STEP_FILE = "/home/stack/ffu-step"
FERNET = "/etc/keystone/fernet-keys/1"
#: Which service's API reads which database: database -> service.
APIS = {
    "keystone": "keystone",
    "glance": "glance-api",
    "nova": "nova-api",
    "neutron": "neutron-server",
    "cinder": "cinder-api",
}


def furnish(world: World) -> None:
    controllers = [world.machine(name) for name in layout.CONTROLLERS]
    for one in controllers:
        _controller(one)
    for name in layout.COMPUTES:
        _compute(world.machine(name))
    _database(controllers)
    ceph.furnish(controllers[0], release="jewel", version="10.2.11")
    heads = [
        f"{release} {database} {head}"
        for release in layout.RELEASES
        for database, found in layout.heads_of(release).items()
        for head in found
    ]
    undercloud = world.machine(layout.UNDERCLOUD)
    undercloud.write(HEADS_FILE, "\n".join(heads) + "\n")
    undercloud.write(STEP_FILE, "0\n")
    dataplane.place(controllers[0], CANARY, "compute-1", "web-1")


def _controller(one: Machine) -> None:
    for release in layout.RELEASES:
        for service in layout.services_of(release):
            name = layout.image(release, service)
            containers.publish(one, name, release=release)
            containers.pull(one, f"{name.rpartition(':')[0]}@{containers.digest_of(name)}")
    for service in layout.SERVICES:
        service_on(one, service, ORIGIN)
    units.define(one, "haproxy", active="active")
    units.define(one, "mariadb", daemon=galera.DAEMON)
    one.write("/etc/redhat-release", OS)
    one.write(FERNET, "a key of before the upgrade\n")


def pinned(release: str, service: str) -> str:
    """Return the image by its digest: a tag may have moved since."""
    name = layout.image(release, service)
    return f"{name.rpartition(':')[0]}@{containers.digest_of(name)}"


def image_file(service: str) -> str:
    return f"/etc/sysconfig/openstack-{service}"


def service_on(one: Machine, service: str, release: str, **about: object) -> None:
    """Install the unit of a service, whose image stands in a file."""
    box = {"name": service, "image_file": image_file(service), "fresh": True}
    units.define(one, layout.unit(service), daemon=containers.DAEMON, container=box, **about)
    one.write(image_file(service), f"IMAGE={pinned(release, service)}\n")


def _compute(one: Machine) -> None:
    for release in layout.RELEASES:
        containers.publish(one, layout.image(release, "nova-compute"), release=release)
        containers.pull(one, pinned(release, "nova-compute"))
    service_on(one, "nova-compute", ORIGIN)
    units.define(one, "openvswitch", active="active", carries=f"the tunnels of {one.name}")
    units.define(one, "libvirtd", active="active")
    for name, host in SERVERS.items():
        if host == one.name:
            virsh.define(one, name, records.ident(name))
    with one.state("ovs") as ovs:
        ovs["external_ids"] = {"hostname": one.name, "ovn-bridge": "br-int"}


def _database(controllers: list[Machine]) -> None:
    galera.furnish(controllers, engine=ENGINE)
    scripts = records.cloud(
        layout.heads_of(ORIGIN), controllers=layout.CONTROLLERS, computes=layout.COMPUTES, servers=SERVERS, version=15
    )
    scripts["neutron"] += (
        "CREATE TABLE standardattributes (id int NOT NULL, resource_type varchar(255), created_at datetime, "
        "PRIMARY KEY (id));"
        "ALTER TABLE ports ADD COLUMN standard_attr_id int;"
    )
    for one in controllers:
        records.furnish(galera.datadir(one), scripts)
        volumes.furnish(one, group=layout.GROUP, origin=layout.VOLUME, place=layout.DATADIR)
    agents = {name: {"unit": layout.unit(name)} for name in ("nova-compute", "nova-conductor", "cinder-scheduler")}
    cloud.furnish(
        controllers[0],
        services={name: {"hosts": list(layout.CONTROLLERS), "unit": layout.unit(api)} for name, api in APIS.items()},
        speaks={name: {release: layout.heads_of(release)[name] for release in layout.RELEASES} for name in APIS},
        behind="haproxy.service",
        release=ORIGIN,
        agents=agents,
    )


async def heal(world: World) -> None:
    """Start the database's members, one that begins the cluster and two that join; then what stands on them."""
    first, *others = (world.machine(name) for name in layout.CONTROLLERS)
    with first.state("galera") as mine:
        mine["new_cluster"] = True
    for one in (first, *others):
        units.start(one, "mariadb")
    for name in (*layout.CONTROLLERS, *layout.COMPUTES):
        one = world.machine(name)
        for unit, (_, state) in units.states(one).items():
            if state != "active":
                units.start(one, unit)
    looks.remember(world)
