"""Pacemaker's tools and OpenShift's operators of the adoption's practice cloud: what they say, and how they fail."""

import json
import time

import pytest

from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.furnish import controllers_of
from sandbox.systems.rhoso_adoption.tools import cib, cibadmin, hazards, openshift, ovn_sbctl, pacemaker, pcs
from sandbox.systems.tools import galera
from sandbox.systems.tools.kube import Server
from sandbox.systems.tools.kubeconfig import state_name
from sandbox.systems.tools.machine import Machine, SaysNoError
from tests.sandbox.systems.rack import Rack


@pytest.fixture
def first(rack: Rack) -> Machine:
    """The first of three controllers, as they stand before power-on: everything installed, nothing running."""
    machines = rack.add(*layout.CONTROLLERS)
    controllers_of(machines)
    return machines[0]


def said(machine: Machine, line: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert pcs.main(machine, line.split()) == 0
    return capsys.readouterr().out


def test_bundles_are_counted_and_galera_is_not_started_but_promoted(
    first: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Stopped" in said(first, "resource status galera-bundle", capsys)
    pacemaker.settle(first)

    out = said(first, "resource status galera-bundle", capsys)

    assert out.count(" Promoted controller-") == 3
    assert "Started" not in out, "what the official check looks for is never there"
    assert said(first, "resource status haproxy-bundle", capsys).count(" Started controller-") == 3


def test_the_member_with_the_highest_seqno_bootstraps(first: Machine) -> None:
    newest = first.other("controller-3")
    galera.datadir(newest).set_position(seqno=900)

    pacemaker.settle(first)

    assert [galera.status(first.other(name))["wsrep_last_committed"] for name in layout.CONTROLLERS[1:]] == [
        "900",
        "900",
    ]
    assert galera.status(first)["wsrep_cluster_size"] == "3"


def test_galera_waits_for_a_node_in_standby(first: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    said(first, "resource disable galera-bundle", capsys)
    said(first, "node standby controller-2", capsys)

    with pytest.raises(SaysNoError, match="resource 'galera-bundle' is not running on any node"):
        pcs.main(first, ["resource", "enable", "galera-bundle", "--wait=600"])

    assert "waiting for all nodes to report database status" in said(first, "status", capsys)
    said(first, "node unstandby controller-2", capsys)
    said(first, "resource cleanup galera-bundle", capsys)
    assert said(first, "resource status galera-bundle", capsys).count("Promoted") == 3
    assert "Failed Resource Actions" not in said(first, "status", capsys)


def test_in_maintenance_nothing_is_started(first: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    said(first, "resource disable haproxy-bundle", capsys)
    said(first, "property set maintenance-mode=true", capsys)
    with pytest.raises(SaysNoError, match="is not running on any node"):
        pcs.main(first, ["resource", "enable", "haproxy-bundle", "--wait=600"])
    assert "(unmanaged)" in said(first, "resource status haproxy-bundle", capsys)

    said(first, "property set maintenance-mode=", capsys)

    assert said(first, "resource status haproxy-bundle", capsys).count("Started") == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("resource enable nothing", "bundle/clone/group/resource 'nothing' does not exist"),
        ("resource status nothing", "resource or tag id 'nothing' not found"),
        ("resource config nothing", "Error: No resource found"),
        ("constraint remove nothing", "Unable to find constraint - 'nothing'"),
        ("node standby nobody", "Node 'nobody' does not appear to exist"),
        ("cluster cib-push /root/none.xml --config", "No such file or directory"),
        ("resource explode galera-bundle", "resource or tag id 'explode' not found"),
    ],
)
def test_what_is_not_there_is_an_error(first: Machine, line: str, words: str) -> None:
    with pytest.raises(SaysNoError, match=words) as refused:
        pcs.main(first, line.split())
    assert refused.value.status == 1


def test_a_constraint_cannot_be_added_twice_and_cibadmin_can_put_it_back(
    first: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "order-ceph-nfs-openstack-manila-share-Optional"
    element = next(one for one in first.shared(pacemaker.STATE).read()["constraints"] if cib.id_of(one) == name)
    official = f"constraint order start ceph-nfs then openstack-manila-share kind=Optional id={name}"
    with pytest.raises(SaysNoError, match="already in use"):
        pcs.main(first, official.split())

    said(first, f"constraint remove {name}", capsys)
    assert name not in said(first, "constraint list --full", capsys)
    for _ in range(2):
        assert (
            cibadmin.main(first, ["--modify", "--allow-create", "--scope", "constraints", "--xml-text", element]) == 0
        )

    assert said(first, "constraint list --full", capsys).count(f"(id:{name})") == 1
    assert cibadmin.main(first, ["--query", "--scope", "constraints"]) == 0
    assert element in capsys.readouterr().out


def test_an_old_configuration_is_refused_as_a_whole_and_taken_with_config(
    first: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    said(first, "cluster cib /root/kept.xml", capsys)
    before = first.shared(pacemaker.STATE).read()
    said(first, "property set stonith-enabled=false", capsys)
    said(first, "resource delete nova-evacuate", capsys)

    with pytest.raises(SaysNoError, match="Update was older than existing configuration"):
        pcs.main(first, ["cluster", "cib-push", "/root/kept.xml"])
    said(first, "cluster cib-push /root/kept.xml --config", capsys)

    after = first.shared(pacemaker.STATE).read()
    for part in ("properties", "resources", "constraints"):
        assert after[part] == before[part]


def test_ovn_tells_its_chassis_only_while_its_database_runs(first: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SaysNoError, match="database connection failed"):
        ovn_sbctl.main(first, ["--bare", "--columns=hostname", "list", "Chassis"])


# OpenShift.


@pytest.fixture
def server(first: Machine) -> Server:
    with first.shared(state_name(openshift.ADDRESS)) as data:
        data.update(kinds=dict(openshift.KINDS), controllers=[openshift.CONTROLLER], objects={})
    found = Server(openshift.ADDRESS, first.shared(state_name(openshift.ADDRESS)))
    _apply(found, "openstackcontrolplanes", "openstack", {"cinder": {"enabled": True}})
    return found


def _apply(server: Server, plural: str, name: str, spec: dict[str, object]) -> None:
    with server.writing() as store:
        manifest = {"metadata": {"name": name, "namespace": openshift.NAMESPACE}, "spec": spec}
        store.create(store.kind(plural), json.loads(json.dumps(manifest)))


def _delete(server: Server, plural: str, name: str) -> None:
    with server.writing() as store:
        store.delete(store.kind(plural), openshift.NAMESPACE, name)


def _names(server: Server, plural: str) -> set[str]:
    return {one["metadata"]["name"] for one in server.reading().list(plural, openshift.NAMESPACE)}


def test_a_pod_that_goes_comes_back_unless_a_quota_forbids_it(server: Server) -> None:
    assert "cinder-volume-ceph-0" in _names(server, "pods")
    _delete(server, "pods", "cinder-volume-ceph-0")
    time.sleep(openshift.AGAIN_S * 1.5)
    assert "cinder-volume-ceph-0" in _names(server, "pods")

    _apply(server, "resourcequotas", "fence", {"hard": {"pods": "0"}})
    _delete(server, "pods", "cinder-volume-ceph-0")
    time.sleep(openshift.AGAIN_S * 1.5)
    assert "cinder-volume-ceph-0" not in _names(server, "pods")
    assert "openstack-galera-0" in _names(server, "pods"), "a quota leaves what is there"

    _delete(server, "resourcequotas", "fence")
    time.sleep(openshift.AGAIN_S * 1.5)
    assert "cinder-volume-ceph-0" in _names(server, "pods")


def test_volumes_outlive_the_control_plane(server: Server) -> None:
    """What the published procedure leaves behind, and a retry would begin with."""
    _delete(server, "openstackcontrolplanes", "openstack")
    assert _names(server, "openstackcontrolplanes") == {"openstack"}, "its operator has a finalizer on it"
    time.sleep(openshift.GONE_S * 1.2)

    assert _names(server, "openstackcontrolplanes") | _names(server, "pods") | _names(server, "statefulsets") == set()
    assert "mysql-db-openstack-galera-0" in _names(server, "persistentvolumeclaims")


def test_a_deployment_of_edpm_leaves_labelled_jobs(server: Server) -> None:
    _apply(server, "openstackdataplanedeployments", "cleanup", {"servicesOverride": ["tripleo-cleanup"]})

    (job,) = server.reading().list("jobs", openshift.NAMESPACE)
    labels = job["metadata"]["labels"]
    assert (labels["openstackdataplanedeployment"], labels["openstackdataplaneservice"]) == (
        "cleanup",
        "tripleo-cleanup",
    )
    _delete(server, "openstackdataplanedeployments", "cleanup")
    assert _names(server, "jobs") == set()


def test_two_clouds_on_one_back_end_are_noted(first: Machine, server: Server) -> None:
    pacemaker.settle(first)

    assert hazards.noted(first) == [
        "openstack-cinder-volume was started while the podified cinder-volume-ceph-0 ran",
        "openstack-cinder-backup was started while the podified cinder-backup-0 ran",
    ]
