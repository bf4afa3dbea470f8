"""
What acts on the management cluster by itself: the HyperShift operator, and the service that owns the clusters.

After openshift/hypershift: a release of an earlier minor is refused in the condition ValidReleaseImage
(support/supportedversion); where the cluster says it is not upgradeable, a force annotation that names another image is
an error (`isUpgrading`); history is newest first and never rewritten. After open-cluster-management's work agent: what
differs from the owner's manifest is put back.

The state's "hypershift" says how it behaves: `pace_s` (a component's rollout), `stuck` (cluster -> component that never
comes up), `moves_workers` (clusters whose workers are rolled as well), `owned` (cluster -> what the owner wants).
"""

from __future__ import annotations

import time

from sandbox.systems.hosted_control_plane.names import (
    FORCE,
    NAMESPACE,
    OPERATOR,
    RELEASES,
    control_plane,
    guest,
    image,
    minor,
)
from sandbox.systems.tools.kube import stamp
from sandbox.systems.tools.kubeconfig import beside
from sandbox.systems.tools.state import current, later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.state import Data

#: How long the owner takes to notice that somebody else changed a cluster, seconds.
OWNER_NOTICES_S = 0.3
_VERSIONS = {image(version): version for version in RELEASES}


def changed(store: Store, plural: str, old: Data | None, new: Data | None) -> None:
    if new is None or old is None:
        return
    if plural == "hostedclusters" and (new["spec"] != old["spec"] or _forced(new) != _forced(old)):
        _reconcile(store, new)
        wanted = behaviour(store).get("owned", {}).get(new["metadata"]["name"])
        if wanted not in (None, new["spec"]["release"]["image"]):
            store.alarm(OPERATOR, OWNER_NOTICES_S, cluster=new["metadata"]["name"])
    if plural == "nodepools" and new["spec"].get("release") != old["spec"].get("release"):
        _roll_workers(store, new["spec"]["clusterName"])
        new["status"]["version"] = _VERSIONS[new["spec"]["release"]["image"]]


def due(store: Store, alarm: Data) -> None:
    """The owner puts back what it wants."""
    wanted = behaviour(store).get("owned", {}).get(alarm["cluster"])
    if wanted is None or store.find("hostedclusters", NAMESPACE, alarm["cluster"]) is None:
        return
    patch = {"metadata": {"annotations": {FORCE: None}}, "spec": {"release": {"image": wanted}}}
    store.patch(store.kind("hostedclusters"), NAMESPACE, alarm["cluster"], patch)


def behaviour(store: Store) -> Data:
    found: Data = store.data.setdefault("hypershift", {})
    return found


def _reconcile(store: Store, cluster: Data) -> None:
    status, spec = cluster["status"], cluster["spec"]
    release = spec["release"]["image"]
    for part in (release, spec.get("controlPlaneRelease", {}).get("image", release)):
        if problem := _invalid(cluster, part):
            condition(status, "ValidReleaseImage", "False", problem)
            return
    condition(status, "ValidReleaseImage", "True")
    if problem := _not_forced(cluster, release):
        condition(status, "ReconciliationSucceeded", "False", problem)
        return
    condition(status, "ReconciliationSucceeded", "True")
    management = spec.get("controlPlaneRelease", {}).get("image", release)
    done_in_s = _roll_components(store, cluster, _VERSIONS[management])
    if release != status["version"]["desired"]["image"]:
        status["version"]["desired"] = {"image": release, "version": _VERSIONS[release]}
        _begin(status["version"]["history"], release, done_in_s)
        if cluster["metadata"]["name"] in behaviour(store).get("moves_workers", []):
            _roll_workers(store, cluster["metadata"]["name"])
    condition(status, "Progressing", _then("True", "False", done_in_s))
    _tell_the_guest(store, cluster["metadata"]["name"], (_VERSIONS[management], _VERSIONS[release]), done_in_s)


def _invalid(cluster: Data, release: str) -> str:
    version = _VERSIONS.get(release)
    if version is None:
        return f"failed to get release image: unable to read image {release}: manifest unknown"
    now = current(cluster["status"]["version"]["history"][0]["version"])
    if minor(version) < minor(str(now)):
        return f'y-stream downgrade from "{now}" to "{version}" is not supported'
    return ""


def _not_forced(cluster: Data, release: str) -> str:
    upgradeable = [c["status"] for c in cluster["status"]["conditions"] if c["type"] == "ClusterVersionUpgradeable"]
    forced = _forced(cluster)
    if upgradeable != ["False"] or release == cluster["status"]["version"]["desired"]["image"]:
        return ""
    if forced not in (None, release):
        return f"force upgrade annotation is present but does not match desired release image: {forced}"
    return ""


def _forced(cluster: Data) -> str | None:
    found: str | None = cluster["metadata"].get("annotations", {}).get(FORCE)
    return found


def _begin(history: list[Data], release: str, done_in_s: float | None) -> None:
    history[0]["state"] = current(history[0]["state"])  # what was under way stays as it is: Partial
    entry = {"state": _then("Partial", "Completed", done_in_s), "version": _VERSIONS[release], "image": release}
    history.insert(0, {**entry, "startedTime": stamp(time.time()), "verified": False})


def _roll_components(store: Store, cluster: Data, version: str) -> float | None:
    """Return in how many seconds all are on *version*; None: never."""
    name = cluster["metadata"]["name"]
    settings, longest = behaviour(store), 0.0
    stuck = settings.get("stuck", {}).get(name, {})
    never = stuck.get("component") if stuck.get("version") == version else None
    for number, component in enumerate(store.list("controlplanecomponents", control_plane(name)), 1):
        here = component["status"]
        was = current(here["version"])
        if was == version:
            here["version"] = version  # whatever it was on its way to
            condition(here, "RolloutComplete", "True")
            continue
        if component["metadata"]["name"] == never:
            condition(here, "RolloutComplete", "False", "deployment kube-apiserver: 1 of 3 replicas are ready")
            longest = -1.0
            continue
        in_s = float(settings.get("pace_s", 0.0)) * number
        longest = longest if longest < 0 else max(longest, in_s)
        here["version"] = _then(was, version, in_s)
        condition(here, "RolloutComplete", _then("False", "True", in_s))
    return None if longest < 0 else longest


def _tell_the_guest(store: Store, name: str, versions: tuple[str, str], in_s: float | None) -> None:
    """The cluster's own API behaves as what runs it does, and its operators say which release they are of."""
    about, version = RELEASES[versions[0]], versions[1]
    with beside(store, guest(name)).state as data:
        before = current(data.get("refuses_writes", ""))
        data["refuses_writes"] = _then(before, about.get("breaks", ""), in_s)
        for operator in data["objects"]["clusteroperators"].values():
            (entry,) = operator["status"]["versions"]
            entry["version"] = _then(current(entry["version"]), version, in_s)
    etcd = behaviour(store)["etcd"][name]
    etcd["version"] = about["etcd"]
    if minor(about["etcd"]) > minor(etcd["storage"]):  # a data directory goes up by itself, and never down
        etcd["storage"] = ".".join(about["etcd"].split(".")[:2]) + ".0"


def _roll_workers(store: Store, name: str) -> None:
    """What a NodePool's new release does: the MachineDeployment's template changes, and machines are replaced."""
    for one in store.list("machinedeployments", control_plane(name)):
        secret = f"user-data-{one['metadata']['generation'] + 1}"
        template = {"template": {"spec": {"bootstrap": {"dataSecretName": secret}}}}
        store.patch(store.kind("machinedeployments"), control_plane(name), one["metadata"]["name"], {"spec": template})


def condition(status: Data, kind: str, value: Any, message: str = "") -> None:
    """Set one condition of an object's status."""
    conditions = status.setdefault("conditions", [])
    new = {
        "type": kind,
        "status": value,
        "reason": "AsExpected" if value == "True" else "Reconciling",
        "message": message,
    }
    conditions[:] = [one for one in conditions if one["type"] != kind] + [new]


def _then(now: object, then: object, in_s: float | None) -> object:
    return now if in_s is None else later(now, then, in_s)
