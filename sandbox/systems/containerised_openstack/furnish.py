"""Furnish the practice cloud: three controllers of containers, two computes, and a management host, all on Newton."""

import asyncio

from sandbox.systems import looks
from sandbox.systems.containerised_openstack import layout
from sandbox.systems.containerised_openstack.tools import galera_box, haproxy_box
from sandbox.systems.tools import ceph, cloud, containers, dataplane, galera, rabbit, records, units, virsh
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World

PASSWORD = "galera-root"
#: Where the databases begin: an upgrade takes them past 999, where texts and numbers part.
SEQNO = 993
SERVERS = {"web-1": "compute-1", "web-2": "compute-2"}
HEADS = {name: [f"{name}-{layout.ORIGIN}"] for name in layout.DATABASES}
#: Newton has no placement service of its own.
NO_PLACEMENT = (
    "DELETE FROM endpoint WHERE service_id IN (SELECT id FROM service WHERE name = 'placement');"
    "DELETE FROM service WHERE name = 'placement';"
)
FLAGS_OF = {
    "3.8": ["implicit_default_bindings", "quorum_queue"],
    "3.9": ["implicit_default_bindings", "quorum_queue", "stream_queue"],
}


def haproxy_cfg(*ports: int) -> str:
    return "".join(f"frontend port_{port}\n    bind {layout.VIP}:{port}\n" for port in ports)


def furnish(world: World) -> None:
    controllers = [world.machine(name) for name in layout.CONTROLLERS]
    for one in controllers:
        _controller(one)
    _database(controllers)
    for name in layout.COMPUTES:
        _compute(world.machine(name))
    ceph.furnish(controllers[0], release="jewel", version="10.2.5")
    world.machine(layout.MGMT).write(layout.UPGRADE_STATE, "idle\n")
    for address, (name, host) in zip(layout.CANARIES, SERVERS.items(), strict=True):
        dataplane.place(controllers[0], address, host, name)


def _image(one: Machine, name: str, **labels: str) -> str:
    tag = f"{layout.REGISTRY}/{name}:{layout.ORIGIN}"
    containers.publish(one, tag, release=layout.ORIGIN, **labels)
    full = layout.image(name, layout.ORIGIN)
    containers.pull(one, full)
    return full


def box(one: Machine, name: str, unit: str, image: str, **about: object) -> None:
    """Let *unit* run a container of *image*, which an operator has written into the service's directory."""
    one.write(layout.environment(name), f"IMAGE={image}\n")
    container = {"name": name, "image_file": layout.environment(name)}
    units.define(one, unit, daemon=containers.DAEMON, container=container)
    containers.defaults(one, name, **about)


def _controller(one: Machine) -> None:
    for name, ports in layout.SERVICES.items():
        box(one, name, layout.unit(name), _image(one, name), ports=[f"tcp:{port}" for port in ports])
        one.write(f"{layout.CONFIG}/{name}/{name}.conf", f"[DEFAULT]\nrelease = {layout.ORIGIN}\n")
    one.write(f"{layout.CONFIG}/keystone/fernet-keys/1", f"the key of {layout.ORIGIN}\n")
    box(
        one,
        "galera",
        "galera.service",
        _image(one, "galera", engine=layout.ENGINE),
        daemon=galera_box.DAEMON,
        ports=["tcp:3306", "tcp:4567"],
    )
    box(
        one,
        "rabbitmq",
        "rabbitmq.service",
        _image(one, "rabbitmq", engine=layout.RABBIT),
        daemon=rabbit.DAEMON,
        ports=["tcp:5672", "tcp:25672"],
    )
    box(one, "haproxy", "haproxy.service", _image(one, "haproxy"), daemon=haproxy_box.DAEMON)
    one.write(haproxy_box.CONFIG, haproxy_cfg(*(port for ports in layout.SERVICES.values() for port in ports)))
    one.write("/root/.my.cnf", f"[client]\nuser=root\npassword={PASSWORD}\n")
    one.write("/etc/redhat-release", "Red Hat Enterprise Linux Server release 7.2 (Maipo)\n")
    units.define(one, "clustercheck.socket", active="active", ports=["tcp:9200"])


def _database(controllers: list[Machine]) -> None:
    galera.furnish(controllers, engine=layout.ENGINE, seqno=SEQNO, password=PASSWORD)
    rabbit.furnish(controllers, version=layout.RABBIT, flags_of=FLAGS_OF)
    scripts = records.cloud(HEADS, controllers=layout.CONTROLLERS, computes=layout.COMPUTES, servers=SERVERS)
    scripts["keystone"] += NO_PLACEMENT
    for one in controllers:
        records.furnish(galera.datadir(one), scripts)
    apis = {"keystone": "keystone", "glance": "glance-api", "cinder": "cinder-api", "nova": "nova-api"}
    apis |= {"neutron": "neutron-server"}
    hosts = list(layout.CONTROLLERS)
    cloud.furnish(
        controllers[0],
        services={name: {"hosts": hosts, "unit": layout.unit(unit)} for name, unit in apis.items()},
        speaks={
            name: {release: [f"{name}-{release}"] for release in (layout.ORIGIN, layout.DESTINATION)} for name in apis
        },
        behind="haproxy",
        address=layout.VIP,
        release=layout.ORIGIN,
        agents={
            "nova-conductor": {"unit": layout.unit("nova-conductor")},
            "nova-compute": {"unit": layout.unit("nova-compute")},
            "ovn-controller": {"unit": "openvswitch.service"},
        },
    )


def _compute(one: Machine) -> None:
    box(one, "nova-compute", layout.unit("nova-compute"), _image(one, "nova-compute"))
    units.define(one, "openvswitch.service", active="active", carries=f"the tunnels of {one.name}")
    units.define(one, "libvirtd.service", active="active")
    for name, host in SERVERS.items():
        if host == one.name:
            virsh.define(one, name, records.ident(name))
    with one.state("ovs") as ovs:
        ovs["external_ids"] = {"hostname": one.name, "system-id": one.name}


async def heal(world: World) -> None:
    """Start everything, as at a site's power-on: the first database begins the cluster, the others join."""
    first, *others = (world.machine(name) for name in layout.CONTROLLERS)
    first.write(galera_box.ENVIRONMENT, "BOOTSTRAP_ARGS=--wsrep-new-cluster\n")
    units.start(first, "galera.service")
    first.write(galera_box.ENVIRONMENT, "")
    for one in others:
        units.start(one, "galera.service")
    _start_all(first)  # its RabbitMQ stopped last, and so has to start first
    rest = (*others, *(world.machine(name) for name in layout.COMPUTES))
    await asyncio.gather(*(asyncio.to_thread(_start_all, one) for one in rest))
    looks.remember(world)


def _start_all(one: Machine) -> None:
    for unit, (_, state) in units.states(one).items():
        if state != "active":
            units.start(one, unit)
