"""Which hosts the practice cloud has, and what runs on them before the adoption."""

from sandbox.systems.system import HostSpec

CONTROLLERS = ("controller-1", "controller-2", "controller-3")
COMPUTES = ("compute-1", "compute-2")
EDGE = ("dcn1-hci-1", "dcn1-scaleout-1")
UNDERCLOUD = "undercloud-1"
BASTION = "ocp-bastion"

#: Units by kind of host, as `tripleo_NAME.service`. Those of DATA_PATH are never stopped by anybody.
DATA_PATH = ("ovn_controller",)
OVN = ("ovn_cluster_north_db_server", "ovn_cluster_south_db_server", "ovn_cluster_northd")
SERVICES = (
    *("keystone", "glance_api", "placement_api", "neutron_api", "nova_api", "nova_conductor", "nova_scheduler"),
    *("cinder_api", "cinder_scheduler", "octavia_worker"),
)
#: Stopped by the adoption, and started by neither the official text nor its role (procedures, A.2).
FORGOTTEN = ("collectd", "gnocchi_api")
CONTROLLER_UNITS = (*OVN, *SERVICES, *FORGOTTEN, *DATA_PATH)
COMPUTE_UNITS = ("nova_compute", "nova_virtqemud", "ovn_metadata_agent", *DATA_PATH)
EDGE_UNITS = {
    "dcn1-hci-1": ("etcd", "cinder_volume", "glance_api_internal"),
    "dcn1-scaleout-1": ("haproxy_edge",),
}

COMMON = ("sudo", "systemctl", "journalctl", "podman")
HOSTS = (
    *(
        HostSpec(
            name=name,
            roles=("controller", "source", *(("ceph_admin",) if name == "controller-1" else ())),
            tools=(*COMMON, "pcs", "cibadmin", "cephadm", "mysqldump", "ovs-vsctl"),
            inside=("mysql", "rabbitmqctl", "ovn-sbctl"),
        )
        for name in CONTROLLERS
    ),
    *(HostSpec(name=name, roles=("compute",), tools=(*COMMON, "ovs-vsctl"), inside=("virsh",)) for name in COMPUTES),
    *(
        HostSpec(name=name, roles=("source", "compute"), tools=(*COMMON, "ovs-vsctl"), inside=("virsh",))
        for name in EDGE
    ),
    HostSpec(name=UNDERCLOUD, roles=("undercloud",), tools=("sudo", "openstack", "ping")),
    HostSpec(name=BASTION, roles=("ocp",), tools=("oc",), inside=("mysql",)),
)


def unit(name: str) -> str:
    return f"tripleo_{name}.service"
