"""Furnish the practice cloud: an RHOSP 17.1 control plane, its computes, one edge site, and an empty OpenShift."""

from pathlib import Path

from sandbox.systems import looks
from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.tools import openshift, ovn_sbctl, pacemaker, pod_mysql
from sandbox.systems.tools import ceph, cloud, containers, dataplane, galera, kubeconfig, rabbit, records, units, virsh
from sandbox.systems.tools.kube import Store
from sandbox.systems.tools.kubeconfig import state_name
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World

ORIGIN, DESTINATION = "rhosp-17.1", "rhoso-18.0"
CANARY = "198.51.100.24"
ENGINE = "10.5.22-MariaDB"
#: The root password of the podified cloud's database, as the adoption's secret has it.
PASSWORD = "12345678"
SERVERS = {"web-1": "compute-1", "web-2": "compute-2", "edge-1": "dcn1-hci-1"}
HEADS = {name: [f"{name}-wallaby"] for name in ("keystone", "glance", "placement", "neutron", "nova", "cinder")}
#: What client.openstack may do before the adoption; afterwards it has another set, without the pool of backups.
CAPS = {
    "mgr": "allow *",
    "mon": "profile rbd",
    "osd": "profile rbd pool=vms, profile rbd pool=volumes, profile rbd pool=backups",
}
ONBOOT = "/etc/sysconfig/network-scripts/ifcfg-o-hm0"
RING = "/var/lib/config-data/puppet-generated/swift/etc/swift/object.builder"
VIP = "ip-172.17.3.86"
_LOCATION = '<rsc_location id="location-galera-bundle" resource-discovery="exclusive" rsc="galera-bundle" score="0"/>'
_ORDER = (
    '<rsc_order id="order-{0}-{1}-Optional" first="{0}" first-action="start" then="{1}" then-action="start" '
    'kind="Optional"/>'
)
_COLOCATION = '<rsc_colocation id="colocation-{0}-{1}-INFINITY" rsc="{0}" score="INFINITY" with-rsc="{1}"/>'
#: The first stays; the adoption removes the others.
CONSTRAINTS = (
    _LOCATION,
    _ORDER.format(VIP, "haproxy-bundle"),
    _COLOCATION.format(VIP, "haproxy-bundle"),
    _ORDER.format("ceph-nfs", "openstack-manila-share"),
    _COLOCATION.format("openstack-manila-share", "ceph-nfs"),
)


def furnish(world: World) -> None:
    controllers = [world.machine(name) for name in layout.CONTROLLERS]
    controllers_of(controllers)
    for name in (*layout.COMPUTES, *layout.EDGE):
        _compute(world.machine(name))
    _storage(controllers[0])
    _openshift(world)
    dataplane.place(controllers[0], CANARY, "compute-1", "web-1")


def controllers_of(machines: list[Machine]) -> None:
    """Install a control plane on them, with Pacemaker, databases and queues; nothing of those runs yet."""
    for one in machines:
        _controller(one)
    _pacemaker(machines)
    _database(machines)


def _image(one: Machine, name: str) -> str:
    full = f"undercloud-1.ctlplane:8787/rhosp17/{name}:17.1"
    containers.publish(one, full)
    containers.pull(one, full)
    return full


def _controller(one: Machine) -> None:
    image = _image(one, "openstack")
    for name in layout.CONTROLLER_UNITS:
        about: dict[str, object] = {"active": "active"}
        if name in layout.DATA_PATH:
            about["carries"] = f"the gateway of {one.name}"
        if name == "ovn_cluster_south_db_server":
            about = {"daemon": containers.DAEMON, "container": {"name": name, "image": image}}
        units.define(one, layout.unit(name), **about)
    one.write(ONBOOT, "DEVICE=o-hm0\nONBOOT=yes\nTYPE=OVSPort\n")
    one.write(RING, "rings of two devices\n")
    _chassis(one)


def _compute(one: Machine) -> None:
    image = _image(one, "openstack-nova-libvirt")
    for name in layout.COMPUTE_UNITS:
        about: dict[str, object] = {"active": "active"}
        if name in layout.DATA_PATH:
            about["carries"] = f"the tunnels of {one.name}"
        if name == "nova_virtqemud":
            about = {"daemon": containers.DAEMON, "container": {"name": name, "image": image}}
        units.define(one, layout.unit(name), **about)
    units.define(one, *(layout.unit(name) for name in layout.EDGE_UNITS.get(one.name, ())), active="active")
    for name, host in SERVERS.items():
        if host == one.name:
            virsh.define(one, name, records.ident(name))
    _chassis(one)


def _chassis(one: Machine) -> None:
    with one.state("ovs") as ovs:
        ovs["external_ids"] = {"hostname": one.name, "ovn-bridge": "br-int", "ovn-remote": ovn_sbctl.REMOTE}


def _pacemaker(controllers: list[Machine]) -> None:
    first = controllers[0]
    bundles = {
        "galera-bundle": ("ocf:heartbeat:galera", "Promoted", 3, "mariadb", galera.DAEMON),
        "haproxy-bundle": ("ocf:heartbeat:podman", "Started", 3, "haproxy", ""),
        "rabbitmq-bundle": ("ocf:heartbeat:rabbitmq-cluster", "Started", 3, "rabbitmq", rabbit.DAEMON),
        "openstack-cinder-volume": ("ocf:heartbeat:podman", "Started", 1, "cinder-volume", ""),
        "openstack-cinder-backup": ("ocf:heartbeat:podman", "Started", 1, "cinder-backup", ""),
        "openstack-manila-share": ("ocf:heartbeat:podman", "Started", 1, "manila-share", ""),
    }
    resources: dict[str, object] = {}
    for name, (agent, role, replicas, image, daemon) in bundles.items():
        box, tag = f"{name}-podman-", f"cluster.common.tag/rhosp17-openstack-{image}:pcmklatest"
        about = {"kind": "bundle", "agent": agent, "role": role, "replicas": replicas, "container": box, "image": tag}
        resources[name] = {**about, "meta": {}}
        for place, one in enumerate(controllers[:replicas]):
            containers.publish(one, tag)
            containers.pull(one, tag)
            if daemon:
                containers.defaults(one, f"{box}{place}", daemon=daemon)
            containers.create(one, f"{box}{place}", tag)
    plain = {
        VIP: "ocf:heartbeat:IPaddr2",
        "ceph-nfs": "systemd:ceph-nfs",
        "nova-evacuate": "ocf:openstack:NovaEvacuate",
    }
    for name, agent in plain.items():
        resources[name] = {"kind": "primitive", "agent": agent, "node": first.name, "meta": {}}
    for name in layout.COMPUTES:
        resources[name] = {"kind": "remote", "agent": "ocf:pacemaker:remote", "node": first.name, "meta": {}}
        fence = {"kind": "stonith", "agent": "stonith:fence_ipmilan", "node": first.name, "meta": {}}
        resources[f"stonith-fence_ipmilan-{name}"] = fence
    first.shared(pacemaker.STATE).write(
        {
            "nodes": {one.name: {} for one in controllers},
            "properties": {"cluster-name": "tripleo_cluster", "stonith-enabled": "true"},
            "resources": resources,
            "constraints": list(CONSTRAINTS),
            "failures": [],
            "epoch": 40,
        }
    )


def _database(controllers: list[Machine]) -> None:
    galera.furnish(controllers, engine=ENGINE)
    rabbit.furnish(controllers, version="3.8.16", flags_of={"3.8": ["quorum_queue", "implicit_default_bindings"]})
    computes = (*layout.COMPUTES, *layout.EDGE)
    scripts = records.cloud(HEADS, controllers=layout.CONTROLLERS, computes=computes, servers=SERVERS)
    scripts["cinder"] += (
        "INSERT INTO services VALUES (90, 'dcn1-hci-1@tripleo_ceph', 'cinder-volume', 0, 61, 0, '2026-04-12 08:00:00');"
    )
    scripts["neutron"] += (
        "CREATE TABLE standardattributes (id int NOT NULL, resource_type varchar(255), created_at datetime, "
        "PRIMARY KEY (id));"
        "ALTER TABLE networks ADD COLUMN standard_attr_id int;"
    )
    for one in controllers:
        records.furnish(galera.datadir(one), scripts)
    hosts = list(layout.CONTROLLERS)
    names = {"keystone": "keystone", **{name: f"{name}_api" for name in HEADS if name != "keystone"}}
    services = {name: {"hosts": hosts, "unit": layout.unit(unit)} for name, unit in names.items()}
    agents = {"nova-compute": "nova_compute", "nova-conductor": "nova_conductor", "nova-scheduler": "nova_scheduler"}
    agents |= {
        "ovn-controller": "ovn_controller",
        "cinder-scheduler": "cinder_scheduler",
        "cinder-volume": "cinder_volume",
    }
    cloud.furnish(
        controllers[0],
        services=services,
        behind="haproxy-bundle",
        release=ORIGIN,
        agents={binary: {"unit": layout.unit(name)} for binary, name in agents.items()},
    )


def _storage(first: Machine) -> None:
    daemons = [
        {
            "daemon_type": kind,
            "daemon_id": f"{name}.x" if kind == "mgr" else name,
            "hostname": name,
            "version": "16.2.10",
        }
        for kind in ("mon", "mgr")
        for name in layout.CONTROLLERS
    ]
    ceph.furnish(first, release="pacific", version="16.2.10", daemons=daemons, auth={"client.openstack": dict(CAPS)})


def _openshift(world: World) -> None:
    bastion = world.machine(layout.BASTION)
    text = kubeconfig.kubeconfig(openshift.ADDRESS, context="ocp", namespace=openshift.NAMESPACE)
    bastion.write("/root/.kube/config", text)
    with bastion.shared(state_name(openshift.ADDRESS)) as data:
        data.update(kinds=dict(openshift.KINDS), controllers=[openshift.CONTROLLER], objects={})
        Store(data).put("namespaces", openshift.NAMESPACE)
    member = pod_mysql.member(bastion.world)
    for part in ("state", "log", "root"):
        Path(member.directory, part).mkdir(parents=True)
    Path(member.world, "shared").mkdir()
    galera.furnish([member], engine="10.5.29-MariaDB", password=PASSWORD)


async def heal(world: World) -> None:
    """Start what runs as a container: the cluster first, as at a site's power-on. Plain units are furnished running."""
    pacemaker.settle(world.machine(layout.CONTROLLERS[0]))
    for name in (*layout.CONTROLLERS, *layout.COMPUTES, *layout.EDGE):
        one = world.machine(name)
        for unit, (about, state) in units.states(one).items():
            if "daemon" in about and state != "active":
                units.start(one, unit)
    looks.remember(world)
