"""Which hosts the practice cloud has, what runs on them, and under which names."""

from sandbox.systems.system import HostSpec
from sandbox.systems.tools import containers

CONTROLLERS = ("controller-1", "controller-2", "controller-3")
COMPUTES = ("compute-1", "compute-2")
MGMT = "mgmt-1"

ORIGIN, DESTINATION = "newton", "ocata"
REGISTRY = "mgmt-1:5000/openstack"
VIP = "192.0.2.10"
#: A floating IP, and an address on the provider network.
CANARIES = ("198.51.100.24", "203.0.113.24")
ENGINE = "10.1.20-MariaDB"
RABBIT = "3.8.3"
NEW_RABBIT = "3.9.29"

#: Services of Newton on each controller: name of unit (openstack-NAME) and container -> ports.
SERVICES = {
    "keystone": (5000,),
    "glance-api": (9292,),
    "cinder-api": (8776,),
    "nova-api": (8774,),
    "nova-conductor": (),
    "neutron-server": (9696,),
    "horizon": (80,),
}
#: Came with Ocata.
NEW_SERVICE, NEW_PORT = "placement-api", 8778
#: Containers that are no OpenStack service, by unit NAME.service.
INFRASTRUCTURE = ("galera", "rabbitmq", "haproxy")
DATABASES = ("keystone", "glance", "nova", "nova_api", "neutron", "cinder")

CONFIG = "/etc/openstack"
KEPT = "/var/lib/openstack-rollback/newton"
UPGRADE_STATE = "/var/lib/openstack-upgrade/state"

COMMON = ("sudo", "systemctl", "journalctl", "docker")
HOSTS = (
    HostSpec(name=MGMT, roles=("mgmt",), tools=("sudo", "openstack", "curl", "ping")),
    *(
        HostSpec(
            name=name,
            roles=("controller", "ceph_mon", *(("backup",) if name == CONTROLLERS[0] else ())),
            tools=(*COMMON, "curl", "ss", "ceph"),
            inside=("mysql", "mysqldump", "mysqld_safe", "rabbitmqctl"),
        )
        for name in CONTROLLERS
    ),
    *(HostSpec(name=name, roles=("compute",), tools=(*COMMON, "virsh", "ovs-vsctl")) for name in COMPUTES),
)


def unit(name: str) -> str:
    return f"openstack-{name}.service"


def image(name: str, release: str) -> str:
    """Return the image's name with its digest, as configuration files have it."""
    tag = f"{REGISTRY}/{name}:{release}"
    return f"{REGISTRY}/{name}@{containers.digest_of(tag)}"


def environment(name: str) -> str:
    """The file in which an operator names a container's image."""
    return f"{CONFIG}/{name}/container.env"
