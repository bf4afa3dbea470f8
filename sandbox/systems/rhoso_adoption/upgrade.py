"""
The adoption that goes wrong, over SSH, as its playbooks do it: the source is stopped piece by piece, its databases are
copied, the podified control plane is deployed; then nothing can be scheduled, and the data plane has not been touched.

After openstack-k8s-operators/data-plane-adoption, roles stop_openstack_services, mariadb_copy, ovn_adoption,
octavia_adoption, stop_remaining_services, and the chapters on instance HA and Ceph.
"""

import asyncio
import base64
import json
import shlex
from collections.abc import Mapping
from typing import Any

from core.ledger import Snapshot
from sandbox.hosts.nursery import HostFailedError
from sandbox.systems.rhoso_adoption import layout, truth
from sandbox.systems.rhoso_adoption.furnish import CONSTRAINTS, DESTINATION, HEADS, ONBOOT, ORIGIN, PASSWORD
from sandbox.systems.rhoso_adoption.tools import pod_mysql
from sandbox.systems.rhoso_adoption.tools.cib import id_of
from sandbox.systems.tools import galera
from sandbox.systems.world import World

CIB = "/root/cib-before-adoption.xml"
NEW_CAPS = (
    "mgr 'allow *' mon 'allow r, profile rbd' "
    "osd 'profile rbd pool=vms, profile rbd pool=volumes, profile rbd pool=images, allow rw pool manila_data'"
)
WORKAROUND = "[workarounds]\ndisable_compute_service_check_for_ffu=true\n"
#: Databases that are copied under their names.
COPIES = ("keystone", "glance", "cinder", "neutron")
DUMP = "/var/tmp/adoption"
#: Volumes made by hand, for the dump and for OVN's databases.
CLAIMS = ("mariadb-data", *(f"ovndbcluster-{side}-etc-ovn-ovsdbserver-{side}-0" for side in ("nb", "sb")))
#: What people did in the new cloud before anybody saw that it was broken.
LATE_WRITES = """
INSERT INTO cinder.volumes VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'late-volume', 'available', 1, 0, NOW());
INSERT INTO neutron.standardattributes VALUES (900, 'networks', NOW());
INSERT INTO neutron.networks VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'late-network', NOW(), 900);
"""


async def upgrade(world: World) -> None:
    world.known["before"] = truth.picture(world)
    recorder = world.recorder
    await recorder.begin(ORIGIN, DESTINATION)
    await recorder.capture()
    await recorder.snapshot(await save_cib(world))
    await _quiet_pacemaker(world)
    await _stop_services(world)
    await _deploy(world)
    await _copy_databases(world)
    await _stop_the_rest(world)
    await _adopt(world)
    await recorder.mark("control-plane-adopted", "podified services answer; nothing can be scheduled")


async def save_cib(world: World) -> Snapshot:
    first = world.hosts[layout.CONTROLLERS[0]]
    await first.run(f"sudo pcs cluster cib {CIB}")
    sha256 = (await first.run(f"sha256sum {CIB}")).split()[0]
    return Snapshot(name="cib", kind="cib", place=CIB, host=first.name, sha256=sha256, taken_at=world.now())


async def apply(world: World, *manifests: Mapping[str, Any]) -> None:
    """
    `oc apply` manifests of the project.

    Raises:
        HostFailedError: they were refused.
    """
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    said = await world.hosts[layout.BASTION].ask("oc -n openstack apply -f -", stdin=text)
    if said.exit_code:
        raise HostFailedError(f"oc apply on {layout.BASTION} exited with {said.exit_code}: {said.stderr.strip()}")


async def edpm(world: World, name: str, services: list[str] | None = None) -> None:
    """Ask EDPM to run *services* on the data plane; all of them, where none are named."""
    override = {} if services is None else {"servicesOverride": services}
    deployment = {
        "apiVersion": "dataplane.openstack.org/v1beta1",
        "kind": "OpenStackDataPlaneDeployment",
        "metadata": {"name": name},
        "spec": {"nodeSets": ["openstack-cell1"], **override},
    }
    await apply(world, deployment)


async def _quiet_pacemaker(world: World) -> None:
    """Instance HA and fencing of computes, the constraints of ceph-nfs, the key of Ceph."""
    fences = " ".join(f"stonith-fence_ipmilan-{name}" for name in layout.COMPUTES)
    removed = " ".join(map(id_of, CONSTRAINTS[1:]))
    await world.hosts[layout.CONTROLLERS[0]].run(
        "set -e; sudo pcs property set stonith-enabled=false; "
        f"sudo pcs stonith delete {fences}; sudo pcs resource delete {' '.join(layout.COMPUTES)} nova-evacuate; "
        f"sudo pcs constraint remove {removed}; "
        f"sudo cephadm shell -- ceph auth caps client.openstack {NEW_CAPS}"
    )


async def _stop_services(world: World) -> None:
    """The controllers, one after the other, then the edge; then what Pacemaker runs."""
    wanted = {
        **dict.fromkeys(layout.CONTROLLERS, (*layout.SERVICES, *layout.FORGOTTEN, "ovn_cluster_northd")),
        **layout.EDGE_UNITS,
    }
    await asyncio.gather(
        *(world.hosts[name].run(f"sudo systemctl stop {_named(units)}") for name, units in wanted.items())
    )
    await world.hosts[layout.CONTROLLERS[0]].run(
        "set -e; sudo pcs resource disable openstack-cinder-volume openstack-cinder-backup openstack-manila-share; "
        f"sudo sed -i '/^ONBOOT=/c\\ONBOOT=no' {ONBOOT}"
    )


def _named(units: tuple[str, ...]) -> str:
    return " ".join(map(layout.unit, units))


async def _deploy(world: World) -> None:
    """The podified control plane with its database and nothing on it, and the helpers the copies are made with."""
    key = base64.b64encode(PASSWORD.encode()).decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "osp-secret"}, "data": {"DbRootPassword": key}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mariadb-copy-data"},
        "spec": {"containers": [{"name": "adoption"}]},
        "status": {"phase": "Running"},
    }
    await apply(world, secret, _plane({}), *map(_claim, CLAIMS), pod)
    member = pod_mysql.member(world.machine(layout.BASTION).world)
    with member.state("galera") as mine:
        mine["new_cluster"] = True
    galera.start(member, {"container": {}}, "openstack-galera-0")


def _claim(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"resources": {"requests": {"storage": "10G"}}},
        "status": {"phase": "Bound"},
    }


def _plane(services: Mapping[str, Any]) -> dict[str, Any]:
    swift = {"enabled": False, "template": {"swiftStorage": {"replicas": 0}}}
    return {
        "apiVersion": "core.openstack.org/v1beta1",
        "kind": "OpenStackControlPlane",
        "metadata": {"name": "openstack"},
        "spec": {"swift": swift, **services},
    }


async def _copy_databases(world: World) -> None:
    """Nova's database of a cell gets the cell's name, the others keep theirs."""
    source = world.hosts[layout.CONTROLLERS[0]]
    dump = "sudo mysqldump --single-transaction"
    await source.run(f"set -e; {dump} --databases {' '.join(COPIES)} >{DUMP}.sql; {dump} nova >{DUMP}-cell1.sql")
    kept, cell = (source.path(f"{DUMP}{part}.sql").read_text() for part in ("", "-cell1"))
    await _podified_sql(world, f"{kept}\nCREATE DATABASE nova_cell1;\nUSE nova_cell1;\n{cell}")


async def _podified_sql(world: World, script: str) -> None:
    line = f"oc -n openstack exec -i openstack-galera-0 -c galera -- env MYSQL_PWD={PASSWORD} mysql -uroot"
    said = await world.hosts[layout.BASTION].ask(line, stdin=script)
    if said.exit_code:
        raise HostFailedError(f"loading the podified database exited with {said.exit_code}: {said.stderr.strip()}")


async def _stop_the_rest(world: World) -> None:
    databases = ("ovn_cluster_north_db_server", "ovn_cluster_south_db_server")
    await asyncio.gather(
        *(world.hosts[name].run(f"sudo systemctl stop {_named(databases)}") for name in layout.CONTROLLERS)
    )
    await world.hosts[layout.CONTROLLERS[0]].run(
        "sudo pcs resource disable galera-bundle haproxy-bundle rabbitmq-bundle"
    )


async def _adopt(world: World) -> None:
    """Enable the services on the copy; a little later people use them."""
    services = {name: {"enabled": True, "template": {}} for name in HEADS}
    services["manila"] = {"enabled": True, "template": {}}
    services["nova"]["template"] = {"apiServiceTemplate": {"customServiceConfig": WORKAROUND}}
    patch = shlex.quote(json.dumps({"spec": services}))
    await world.hosts[layout.BASTION].run(
        f"oc -n openstack patch openstackcontrolplane openstack --type=merge -p {patch}"
    )
    await _podified_sql(world, LATE_WRITES)
    world.known["podified"] = truth.podified_content(world)
