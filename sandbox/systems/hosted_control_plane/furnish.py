"""Furnish the practice fleet: a bastion, a management cluster, hosted clusters on the old release, their service."""

import json

from sandbox.hosts.layout import python_tool
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.tools.kube import Store, stamp
from sandbox.systems.tools.kubeconfig import kubeconfig, state_name
from sandbox.systems.tools.outfit import RUN
from sandbox.systems.tools.state import State
from sandbox.systems.world import World

#: Seconds a component's rollout takes, times its place in the list: all of them are over in less than a second.
PACE_S = 0.08
#: A release is long in service before it fails on somebody.
LONG_AGO = 1_795_000_000.0


def furnish(world: World) -> None:
    clusters = [f"cust-{number:02}" for number in range(1, names.SIZES.get(world.scenario.name, names.SMALL) + 1)]
    bastion = world.hosts["bastion-1"]
    config = bastion.path("/root/.kube")
    (config / "hosted").mkdir(parents=True)
    (config / "config").write_text(kubeconfig(names.MANAGEMENT, context=names.CONTEXT, user="sre"))
    for name in clusters:
        place = config / "hosted" / names.control_plane(name)
        place.write_text(kubeconfig(names.guest(name), context=name))
        _shared(world, state_name(names.guest(name))).write(_guest())
    # Ordinary commands on the host itself; in a pod they see the pod's files.
    for name in ("rm", "sha256sum"):
        module = "sandbox.systems.hosted_control_plane.tools.pod_files"
        python_tool(bastion.directory / "inside" / name, RUN, module, bastion.directory, name)
    _shared(world, "registry").write({"releases": {names.digest(v): {"version": v} for v in names.RELEASES}})
    _shared(world, "ocm").write({"clusters": {names.service_id(name): _service(name) for name in clusters}})
    _shared(world, state_name(names.MANAGEMENT)).write(_management(clusters))


def _shared(world: World, what: str) -> State:
    return State(str(world.shared / f"{what}.json"))


def _management(clusters: list[str]) -> dict[str, object]:
    store = Store({"kinds": names.KINDS, "controllers": [names.OPERATOR], "objects": {}})
    etcd = {name: {"version": "3.5.21", "storage": "3.5.0", "revision": 90_000, "keys": 4_000} for name in clusters}
    store.data["hypershift"] = {"pace_s": PACE_S, "etcd": etcd}
    for namespace in ("hypershift", names.NAMESPACE, *map(names.control_plane, clusters)):
        store.put("namespaces", namespace)
    supported = json.dumps({"versions": ["4.21", "4.20", "4.19"]})
    store.put("configmaps", "supported-versions", "hypershift", data={"supported-versions": supported})
    status = {"conditions": [{"type": "MigrationComplete", "status": "True"}, {"type": "Degraded", "status": "False"}]}
    store.put("configmaps", "capi-migration-status", "hypershift", data={"status": json.dumps(status)})
    for number, name in enumerate(clusters):
        _cluster(store, name, tier="gold" if number % 10 == 0 else "silver")
        _workers(store, name)
        _control_plane(store, name)
    return store.data


def _cluster(store: Store, name: str, tier: str) -> None:
    history = [
        {
            "state": "Completed",
            "version": version,
            "image": names.image(version),
            "startedTime": stamp(LONG_AGO - 86_400 * age),
            "completionTime": stamp(LONG_AGO - 86_400 * age + 900),
            "verified": False,
        }
        for age, version in ((7, names.OLD), (30, "4.20.29"))
    ]
    states = {
        **dict.fromkeys(("Available", "EtcdAvailable", "KubeAPIServerAvailable", "ReconciliationSucceeded"), "True"),
        **dict.fromkeys(("ValidReleaseImage", "ClusterVersionSucceeding", "EtcdDataEncryptionUpToDate"), "True"),
        "ClusterVersionUpgradeable": "True",
        **dict.fromkeys(("Progressing", "Degraded"), "False"),
    }
    store.put(
        "hostedclusters",
        name,
        names.NAMESPACE,
        metadata={"labels": {"api.openshift.com/id": names.service_id(name), "tier": tier}},
        spec={
            "release": {"image": names.image(names.OLD)},
            "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": f"{name}-etcd-encryption-key"}}},
        },
        status={
            "version": {"desired": {"image": names.image(names.OLD), "version": names.OLD}, "history": history},
            "conditions": [{"type": kind, "status": status} for kind, status in states.items()],
            "kubeconfig": {"name": f"{name}-admin-kubeconfig"},
        },
    )


def _workers(store: Store, name: str) -> None:
    pool = f"{name}-workers"
    store.put(
        "nodepools",
        pool,
        names.NAMESPACE,
        spec={"clusterName": name, "replicas": 3, "release": {"image": names.image(names.OLD)}},
        status={"version": names.OLD, "replicas": 3, "conditions": [{"type": "UpdatingVersion", "status": "False"}]},
    )
    template = {"spec": {"version": names.OLD, "bootstrap": {"dataSecretName": "user-data-1"}}}
    store.put(
        "machinedeployments", pool, names.control_plane(name), spec={"replicas": 3, "template": template}, status={}
    )


def _control_plane(store: Store, name: str) -> None:
    namespace = names.control_plane(name)
    for component in names.COMPONENTS:
        conditions = [{"type": kind, "status": "True"} for kind in ("Available", "RolloutComplete")]
        store.put(
            "controlplanecomponents",
            component,
            namespace,
            spec={},
            status={"version": names.OLD, "conditions": conditions},
        )
    for member in range(3):
        containers = [{"name": "etcd"}, {"name": "etcd-metrics"}]
        store.put("pods", f"etcd-{member}", namespace, spec={"containers": containers}, status={"phase": "Running"})


def _guest() -> dict[str, object]:
    store = Store({"kinds": names.GUEST_KINDS, "objects": {}})
    for operator in ("ingress", "network"):
        store.put(
            "clusteroperators",
            operator,
            status={
                "versions": [{"name": "operator", "version": names.OLD}],
                "conditions": [{"type": "Available", "status": "True"}, {"type": "Degraded", "status": "False"}],
            },
        )
    for number in range(3):
        conditions = [{"type": "Ready", "status": "True"}]
        store.put(
            "nodes", f"worker-{number}", status={"conditions": conditions, "nodeInfo": {"kubeletVersion": "v1.33.4"}}
        )
    of_release = {"annotations": {"include.release.openshift.io/ibm-cloud-managed": "true"}}
    for crd in ("apiservers.config.openshift.io", "ingresses.config.openshift.io", "networks.operator.openshift.io"):
        store.put("customresourcedefinitions", crd, metadata=dict(of_release), status={"storedVersions": ["v1"]})
    store.put("customresourcedefinitions", "widgets.customer.example.com", status={"storedVersions": ["v1alpha1"]})
    return store.data


def _service(name: str) -> dict[str, object]:
    weekly = {
        "id": f"weekly-{name}",
        "schedule": "30 4 * * 0",
        "schedule_type": "automatic",
        "upgrade_type": "ControlPlane",
        "enable_minor_version_upgrades": False,
        "state": {"value": "pending"},
    }
    return {"name": name, "policies": [weekly], "node_pools": {f"{name}-workers": []}}
