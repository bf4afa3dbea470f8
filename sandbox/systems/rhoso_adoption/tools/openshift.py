"""
The OpenShift cluster a cloud is adopted to: what its operators do of a control plane and of EDPM's deployments.

A controller of `kube`. An OpenStackControlPlane gets a StatefulSet for each service that is enabled, each with its pod;
a pod that goes is made again, unless a quota of the project forbids pods. A deployment of EDPM gets a job for each of
its services, labelled as openstack-operator does (internal/dataplane/util/ansible_execution.go, 84322c77); what the job
does to nodes is the scenario's business. Deleting a control plane takes the operators a moment; volumes stay. A quota
denies what is new and leaves what is there (kubernetes.io/docs/concepts/policy/resource-quotas).
"""

from __future__ import annotations

import time

from sandbox.systems.tools.kube import settled, stamp
from sandbox.systems.tools.state import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.state import Data

CONTROLLER = __name__
ADDRESS = "api.ocp.example.net:6443"
NAMESPACE = "openstack"
FINALIZER = "openstack.org/openstackcontrolplane"
KINDS = {
    "daemonsets": ("apps", "DaemonSet", ("ds",), True),
    "resourcequotas": ("", "ResourceQuota", ("quota",), True),
    "openstackcontrolplanes": ("core.openstack.org", "OpenStackControlPlane", ("osctlplane",), True),
    "openstackdataplanedeployments": (
        *("dataplane.openstack.org", "OpenStackDataPlaneDeployment"),
        *(("osdpd", "osdpdeployment"), True),
    ),
    "openstackdataplanenodesets": ("dataplane.openstack.org", "OpenStackDataPlaneNodeSet", ("osdpns",), True),
}
#: Always there once there is a control plane; and, by service, what comes when it is enabled.
INFRASTRUCTURE = ("openstack-galera", "rabbitmq-server", "memcached", "ovsdbserver-nb", "ovsdbserver-sb")
SERVICES = {
    "keystone": ("keystone",),
    "glance": ("glance-default-internal-api",),
    "placement": ("placement",),
    "neutron": ("neutron",),
    "cinder": ("cinder-api", "cinder-scheduler", "cinder-volume-ceph", "cinder-backup"),
    "manila": ("manila-api", "manila-share-ceph"),
    "nova": ("nova-api", "nova-cell1-conductor", "nova-scheduler"),
}
#: Seconds: until a pod runs, until one that is gone is made again, until a deleted control plane is gone.
POD_S, AGAIN_S, GONE_S = 0.05, 0.1, 0.4


def changed(store: Store, plural: str, old: Data | None, new: Data | None) -> None:
    match plural:
        case "openstackcontrolplanes" if new is not None:
            if new["metadata"].get("deletionTimestamp"):
                if not (old or {}).get("metadata", {}).get("deletionTimestamp"):
                    store.alarm(CONTROLLER, GONE_S, do="finalize", name=new["metadata"]["name"])
            else:
                _control_plane(store, new)
        case "openstackdataplanedeployments" if old is None and new is not None:
            _deployment(store, new)
        case "pods" | "resourcequotas" if new is None:
            store.alarm(CONTROLLER, AGAIN_S, do="pods", name="")


def due(store: Store, alarm: Data) -> None:
    if alarm["do"] == "pods":
        _pods(store)
        return
    here = store.find("openstackcontrolplanes", NAMESPACE, alarm["name"])
    if here is not None and not store.data.get("operators_down"):
        store.remove("openstackcontrolplanes", here)


def _control_plane(store: Store, plane: Data) -> None:
    if FINALIZER not in plane["metadata"].setdefault("finalizers", []):
        plane["metadata"]["finalizers"].append(FINALIZER)
    wanted = [*INFRASTRUCTURE]
    for service, sets in SERVICES.items():
        if plane["spec"].get(service, {}).get("enabled"):
            wanted += sets
    for name in wanted:
        if store.find("statefulsets", NAMESPACE, name) is None:
            store.put(
                "statefulsets", name, NAMESPACE, metadata={"ownerReferences": [_owner(plane)]}, spec={"replicas": 1}
            )
    if store.find("persistentvolumeclaims", NAMESPACE, "mysql-db-openstack-galera-0") is None:
        for claim in ("mysql-db-openstack-galera-0", "persistence-rabbitmq-server-0"):
            store.put(
                "persistentvolumeclaims",
                claim,
                NAMESPACE,
                spec={"volumeName": f"pv-{claim}"},
                status={"phase": "Bound"},
            )
    _pods(store)


def _owner(owner: Data) -> Data:
    return {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}


def _pods(store: Store) -> None:
    """Make the pods that are wanted and not there."""
    for each in store.list("statefulsets", NAMESPACE):
        name = f"{each['metadata']['name']}-0"
        if store.find("pods", NAMESPACE, name) is None and not _forbidden(store):
            container = "galera" if name.startswith("openstack-galera") else each["metadata"]["name"]
            _pod(store, name, each, {"containers": [{"name": container}]}, later("Pending", "Running", POD_S))


def _pod(store: Store, name: str, owner: Data, spec: Data, phase: object) -> None:
    store.put(
        "pods", name, NAMESPACE, metadata={"ownerReferences": [_owner(owner)]}, spec=spec, status={"phase": phase}
    )


def _forbidden(store: Store) -> bool:
    quotas = [one.get("spec", {}).get("hard", {}).get("pods") for one in store.list("resourcequotas", NAMESPACE)]
    pods = [
        one for one in store.list("pods", NAMESPACE) if settled(one)["status"]["phase"] not in ("Succeeded", "Failed")
    ]
    return any(quota is not None and len(pods) >= int(quota) for quota in quotas)


def _deployment(store: Store, deployment: Data) -> None:
    """A job for each service; its pod, where the quota lets it start."""
    name = deployment["metadata"]["name"]
    for service in deployment["spec"].get(
        "servicesOverride", ["bootstrap", "configure-network", "ovn", "libvirt", "nova"]
    ):
        labels = {
            "openstackdataplanedeployment": name,
            "openstackdataplaneservice": service,
            "openstackdataplanenodeset": deployment["spec"].get("nodeSets", ["openstack"])[0],
        }
        job = store.put(
            *("jobs", f"{service}-{name}", NAMESPACE),
            metadata={"labels": labels, "ownerReferences": [_owner(deployment)]},
            status={"startTime": stamp(time.time())},
        )
        if not _forbidden(store):
            _pod(store, f"{service}-{name}-x7k2p", job, {}, later("Running", "Succeeded", POD_S))
