"""Which hosts the practice cloud has, what runs on them, and how its releases differ."""

from sandbox.systems.system import HostSpec

DEPLOY = "deploy-1"
CONTROLLERS = ("control-1", "control-2", "control-3")
COMPUTES = ("compute-1", "compute-2")
NODES = (*CONTROLLERS, *COMPUTES)
ORIGIN, DESTINATION = "2025.1", "2025.2"
#: An update stays in its series: the same tag, built anew.
BEFORE_UPDATE, AFTER_UPDATE = "2025.1-20261027", "2025.1-20261124"

#: Role of kolla-ansible -> containers -> hosts, in the order of its site.yml.
SERVICES: dict[str, dict[str, tuple[str, ...]]] = {
    "mariadb": {"mariadb": CONTROLLERS},
    "loadbalancer": {"haproxy": CONTROLLERS},
    "rabbitmq": {"rabbitmq": CONTROLLERS},
    "keystone": {"keystone": CONTROLLERS},
    "glance": {"glance_api": CONTROLLERS},
    "cinder": {"cinder_api": CONTROLLERS},
    "placement": {"placement_api": CONTROLLERS},
    "openvswitch": {"openvswitch_vswitchd": NODES},
    "nova": {
        "nova_api": CONTROLLERS,
        "nova_conductor": CONTROLLERS,
        "nova_compute": COMPUTES,
        "nova_libvirt": COMPUTES,
    },
    "neutron": {"neutron_server": CONTROLLERS, "neutron_l3_agent": CONTROLLERS, "neutron_openvswitch_agent": COMPUTES},
}
#: Containers of the data path: no way back touches them.
DATA_PATH = ("nova_libvirt", "openvswitch_vswitchd", "neutron_l3_agent", "neutron_openvswitch_agent")
#: What of it carries traffic, and stops carrying it while its container is stopped.
CARRIERS = {"openvswitch_vswitchd": "the tunnels of {}", "neutron_l3_agent": "the gateway of {}"}
#: What a way back deploys, and what it stops by tag: Open vSwitch is nobody's to touch.
TAGS = tuple(name for name in SERVICES if name != "openvswitch")
STOPPED = tuple(name for name in TAGS if name not in ("mariadb", "loadbalancer", "rabbitmq"))

#: Revisions by database before the upgrade, after expand, after contract. Contract revisions begin with "c".
HEADS = {
    "keystone": (["e1a3c5b7d9f0", "c1a3c5b7d9f0"], ["e2b4d6f8a0c1", "c1a3c5b7d9f0"], ["e2b4d6f8a0c1", "c2b4d6f8a0c1"]),
    "glance": (["2025_1_contract01"], ["2025_2_expand01"], ["2025_2_contract01"]),
    "neutron": (["e5f7a9b1c3d4", "c5f7a9b1c3d4"], ["e6a8b0c2d4e5", "c5f7a9b1c3d4"], ["e6a8b0c2d4e5", "c6a8b0c2d4e5"]),
    "nova": (["13863f4e1612"], ["2d0a14ce2b39"], ["2d0a14ce2b39"]),
    "cinder": (["daa98075b90d"], ["9ab1b092a404"], ["9ab1b092a404"]),
    "placement": (["422ece571366"], ["422ece571366"], ["422ece571366"]),
}
CONTRACTS = ("keystone", "glance", "neutron")
#: What services of a release say their version is.
VERSIONS = {ORIGIN: 68, DESTINATION: 69}
ENGINE = {ORIGIN: "10.11.9-MariaDB", DESTINATION: "10.11.14-MariaDB"}
RABBIT = {ORIGIN: "4.0.5", DESTINATION: "4.1.2"}
FLAGS = {
    "4.0": ["detailed_queues_endpoint", "quorum_queue"],
    "4.1": ["detailed_queues_endpoint", "khepri_db", "quorum_queue"],
}

COMMON = ("sudo", "docker")
HOSTS = (
    HostSpec(name=DEPLOY, roles=("deploy",), tools=("sudo", "kolla-ansible", "ansible", "openstack", "ping")),
    *(
        HostSpec(
            name=name,
            roles=("control", "database", *(("backup",) if name == "control-1" else ()), "broker", "node"),
            tools=COMMON,
            inside=("mariadb", "mariadb-dump", "mariadbd", "mariabackup", "mbstream", "rabbitmqctl"),
        )
        for name in CONTROLLERS
    ),
    *(HostSpec(name=name, roles=("node",), tools=COMMON, inside=("virsh",)) for name in COMPUTES),
)


def image(container: str, tag: str) -> str:
    return f"quay.io/openstack.kolla/{container.replace('_', '-')}:{tag}"


def tag_of(release: str) -> str:
    """A series has one tag, which moves to each new build."""
    return f"{release[:6]}-ubuntu-noble"


def virtual_environment(release: str) -> str:
    return f"/opt/kolla-{release[:6]}"
