"""Which hosts the practice cloud has, what runs on them, and the releases of its fast-forward upgrade."""

from sandbox.systems.system import HostSpec

CONTROLLERS = ("controller-1", "controller-2", "controller-3")
COMPUTES = ("compute-1", "compute-2")
UNDERCLOUD = "undercloud-1"
#: Where the hops' databases are brought forward, and where the snapshots lie.
BOOTSTRAP = CONTROLLERS[0]

#: In the order of the chain; the first is where it begins.
RELEASES = ("newton", "ocata", "pike", "queens")
SERVICES = ("keystone", "glance-api", "nova-api", "nova-conductor", "neutron-server", "cinder-api", "cinder-scheduler")
#: Service -> the release that brought it. Before that no unit of it runs.
LATER_SERVICES = {"placement-api": "ocata"}
#: Which database a service's API reads, where it is not called like the service.
DATABASES = ("keystone", "glance", "nova", "neutron", "cinder")
LATER_DATABASES = {"placement": "ocata"}

GROUP, VOLUME, DATADIR = "vg_db", "mysql", "/var/lib/mysql"
#: Where each snapshot's manifest lies, on every controller.
KEPT = "/var/lib/belay-ffu"

_COMMON = ("sudo", "systemctl", "journalctl", "podman")
_DATABASE = ("mysql", "mysqldump", "mysqladmin", "galera_new_cluster", "mysqld_safe")
_LVM = ("lvs", "lvcreate", "lvconvert", "mount", "umount", "mountpoint")
HOSTS = (
    *(
        HostSpec(
            name=name,
            roles=("controller", *(("ceph_admin",) if name == BOOTSTRAP else ())),
            tools=(*_COMMON, *_DATABASE, *_LVM, "rpm", "ceph"),
        )
        for name in CONTROLLERS
    ),
    *(HostSpec(name=name, roles=("compute",), tools=(*_COMMON, "virsh", "ovs-vsctl")) for name in COMPUTES),
    HostSpec(name=UNDERCLOUD, roles=("undercloud",), tools=("sudo", "openstack", "ping")),
)


def unit(service: str) -> str:
    return f"openstack-{service}.service"


def known_in(release: str, first: str) -> bool:
    """Whether what *first* brought is there in *release*."""
    return RELEASES.index(release) >= RELEASES.index(first)


def services_of(release: str) -> tuple[str, ...]:
    later = (name for name, first in LATER_SERVICES.items() if known_in(release, first))
    return (*SERVICES, *later)


def heads_of(release: str) -> dict[str, list[str]]:
    """Return the revisions at which the schemas of *release* stand. Neutron has two, for its two branches."""
    names = (*DATABASES, *(name for name, first in LATER_DATABASES.items() if known_in(release, first)))
    heads = {name: [f"{release}-{name}"] for name in names}
    return {**heads, "neutron": [f"{release}-contract", f"{release}-expand"]}


def image(release: str, service: str) -> str:
    return f"registry.example/{release}/openstack-{service}:{release}"
