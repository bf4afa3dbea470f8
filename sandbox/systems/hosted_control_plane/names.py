"""What there is in the practice fleet: releases, clusters, addresses. The tools on hosts use it too."""

from __future__ import annotations

CONTEXT = "mgmt-east"
MANAGEMENT = "api.mgmt-east.example.net:6443"
NAMESPACE = "clusters"
REPOSITORY = "quay.io/openshift-release-dev/ocp-release"
FORCE = "hypershift.openshift.io/force-upgrade-to"
OPERATOR = "sandbox.systems.hosted_control_plane.tools.operator"

OLD, NEW = "4.20.30", "4.20.31"
#: Release -> what it has in it: the etcd it runs, and what it breaks where it runs.
RELEASES: dict[str, dict[str, str]] = {
    "4.20.29": {"etcd": "3.5.21"},
    "4.20.30": {"etcd": "3.5.21"},
    "4.20.31": {
        "etcd": "3.5.21",
        "breaks": 'Internal error occurred: failed calling webhook "quota.example.com": context deadline exceeded',
    },
    "4.20.32": {"etcd": "3.5.21"},
    "4.21.2": {
        "etcd": "3.6.4",
        "breaks": 'Internal error occurred: failed calling webhook "quota.example.com": context deadline exceeded',
    },
}
#: How many clusters there are, and in which scenarios there are more.
SMALL = 3
SIZES = {"B5": 40, "B7": 40}
COMPONENTS = (
    *("cluster-version-operator", "etcd", "hosted-cluster-config-operator", "kube-apiserver"),
    *("kube-controller-manager", "openshift-apiserver"),
)
#: Kinds of the management cluster beside the built-in ones: plural -> group, kind, short names, namespaced.
KINDS = {
    "controlplanecomponents": ("hypershift.openshift.io", "ControlPlaneComponent", ("cpc",), True),
    "hostedclusters": ("hypershift.openshift.io", "HostedCluster", ("hc", "hcs"), True),
    "machinedeployments": ("cluster.x-k8s.io", "MachineDeployment", ("md",), True),
    "nodepools": ("hypershift.openshift.io", "NodePool", ("np", "nps"), True),
}
GUEST_KINDS = {"clusteroperators": ("config.openshift.io", "ClusterOperator", ("co",), False)}


def digest(version: str) -> str:
    """Return the digest of a release: made up, and always the same."""
    return "sha256:" + "".join(f"{ord(letter):02x}" for letter in version).ljust(64, "0")


def image(version: str) -> str:
    """Return the pull spec by digest, which is the only kind that still names the same tomorrow."""
    return f"{REPOSITORY}@{digest(version)}"


def minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def guest(cluster: str) -> str:
    """Return the address of a hosted cluster's own API server."""
    return f"api.{cluster}.example.net:6443"


def control_plane(cluster: str) -> str:
    """Return the namespace its control plane runs in."""
    return f"{NAMESPACE}-{cluster}"


def service_id(cluster: str) -> str:
    """Return what the service calls it."""
    return f"2f{cluster.replace('-', '')}0qk1"
