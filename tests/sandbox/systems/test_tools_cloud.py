"""`openstack`, `curl`, `ss`, `virsh`, `ovs-vsctl`, `ping`, `ceph`: what a cloud shows of itself, and how it is down."""

import json

import pytest

from sandbox.systems.tools import ceph, cloud, containers, dataplane, galera, records, units, virsh
from sandbox.systems.tools.machine import Machine
from tests.sandbox.systems.rack import Rack

VIP = "192.0.2.10"


@pytest.fixture
def host(rack: Rack) -> Machine:
    """One controller with keystone and nova, one compute with a workload."""
    controller, compute = rack.add("controller-1", "compute-1")
    galera.furnish([controller], engine="10.5.16-MariaDB", addresses={VIP: "vip"})
    scripts = records.cloud(
        {"keystone": ["k1"], "nova": ["n1"], "neutron": ["x1", "c1"]},
        controllers=["controller-1"],
        computes=["compute-1"],
        servers={"vm-1": "compute-1", "vm-2": "compute-1"},
    )
    records.furnish(galera.datadir(controller), scripts)
    units.define(controller, "mariadb", daemon=galera.DAEMON)
    units.define(controller, "haproxy", ports=["tcp:3306"])
    for name, port in (("keystone", 5000), ("nova_api", 8774), ("neutron_api", 9696)):
        units.define(controller, f"tripleo_{name}", ports=[f"tcp:{port}"], release="17.1")
    units.define(compute, "tripleo_nova_compute", active="active")
    cloud.furnish(
        controller,
        behind="haproxy",
        services={
            "keystone": {"hosts": ["controller-1"], "unit": "tripleo_keystone"},
            "nova": {"hosts": ["controller-1"], "unit": "tripleo_nova_api"},
            "neutron": {"hosts": ["controller-1"], "unit": "tripleo_neutron_api"},
        },
        speaks={"nova": {"17.1": ["n1"], "18": ["n1", "n2"]}},
        agents={"nova-compute": {"unit": "tripleo_nova_compute"}},
    )
    rack.run("controller-1", "galera_new_cluster && systemctl start haproxy 'tripleo_*'")
    virsh.define(compute, "instance-1", records.ident("vm-1"))
    dataplane.place(compute, "203.0.113.7", "compute-1", "instance-1")
    return controller


def test_lists_in_every_format(rack: Rack, host: Machine) -> None:
    servers = json.loads(rack.run("controller-1", "openstack server list --all-projects -f json"))
    assert [(one["Name"], one["Status"]) for one in servers] == [("vm-1", "ACTIVE"), ("vm-2", "ACTIVE")]
    assert rack.run("controller-1", "openstack user list -f value -c Name").split() == [
        "admin",
        "demo",
        "glance",
        "nova",
    ]
    assert rack.run("controller-1", "openstack server list").splitlines()[1].split() == [
        "|",
        "ID",
        "|",
        "Name",
        "|",
        "Status",
        "|",
        "Host",
        "|",
    ]
    assert rack.run("controller-1", "openstack network list -f csv -c Name").splitlines()[0] == '"Name"'
    ports = rack.run("controller-1", "openstack endpoint list -f value -c URL")
    assert f"http://{VIP}:5000" in ports
    assert rack.ask("controller-1", "openstack frobnicate list").code == 2


def test_a_compute_that_is_down_is_seen_as_down(rack: Rack, host: Machine) -> None:
    line = "openstack compute service list --service nova-compute -f value -c Host -c State"
    assert rack.run("controller-1", line) == "compute-1 up"
    rack.run("compute-1", "systemctl stop tripleo_nova_compute")
    assert rack.run("controller-1", line) == "compute-1 down"


@pytest.mark.parametrize(
    ("down", "err"),
    [
        ("haproxy", f"Unable to establish connection to http://{VIP}:5000/v3/auth/tokens"),
        ("tripleo_keystone", "Service Unavailable (HTTP 503)"),
        ("tripleo_nova_api", "Service Unavailable (HTTP 503)"),
        ("mariadb", "Internal Server Error (HTTP 500): keystone: (pymysql.err.OperationalError) Lost connection"),
    ],
)
def test_how_it_is_down(rack: Rack, host: Machine, down: str, err: str) -> None:
    rack.run("controller-1", f"systemctl stop {down}")

    said = rack.ask("controller-1", "openstack server list")

    assert (said.code, err in said.err) == (1, True), said


def test_code_that_does_not_get_along_with_the_schema(rack: Rack, host: Machine) -> None:
    """The old code on the new schema, and the other way round: what a half rollback leaves."""
    rack.run("controller-1", "mysql nova -e \"UPDATE alembic_version SET version_num = 'n2'\"")
    said = rack.ask("controller-1", "openstack server list")
    assert "nova of release '17.1' on controller-1 does not get along with schema n2" in said.err
    units.change(host, "tripleo_nova_api", release="18")
    rack.run("controller-1", "openstack server list")
    assert cloud.answers(host)["nova"] == "ok"


def test_a_service_that_is_active_and_does_not_answer_yet(rack: Rack, host: Machine) -> None:
    units.change(host, "tripleo_nova_api", ready_s=60.0)
    rack.run("controller-1", "systemctl restart tripleo_nova_api && systemctl is-active tripleo_nova_api")
    assert "503" in rack.ask("controller-1", "openstack server list").err


def test_curl(rack: Rack, host: Machine) -> None:
    code = "curl -s -o /dev/null -w '%{http_code}\\n' --max-time 5"
    assert rack.run("controller-1", f"{code} http://{VIP}:8774/") == "200"
    assert json.loads(rack.run("controller-1", f"curl -fsS http://{VIP}:8774/")) == {
        "service": "nova",
        "release": "17.1",
    }
    rack.run("controller-1", "systemctl stop tripleo_nova_api")
    assert rack.run("controller-1", f"{code} http://{VIP}:8774/") == "503"
    said = rack.ask("controller-1", f"curl -fsS http://{VIP}:8774/")
    assert (said.code, said.err) == (22, "curl: (22) The requested URL returned error: 503\n")
    refused = rack.ask("controller-1", f"{code} http://{VIP}:1234/")
    assert (refused.code, refused.out) == (7, "000\n")


def test_ports(rack: Rack, host: Machine) -> None:
    found = rack.run("controller-1", "ss -H -lntu | awk '{print $1, $5}'").splitlines()
    assert found == [f"tcp 0.0.0.0:{port}" for port in (22, 3306, 5000, 8774, 9696)]
    containers.defaults(host, "extra", ports=["udp:6081"])
    containers.publish(host, "extra:1")
    rack.run("controller-1", "podman run -d --name extra extra:1")
    assert rack.run("controller-1", "ss -Hlnu").split()[4] == "0.0.0.0:6081"


def test_domains(rack: Rack, host: Machine) -> None:
    compute = rack.machines["compute-1"]
    before = virsh.fingerprint(compute)
    assert rack.run("compute-1", "virsh list --name").strip() == "instance-1"
    assert rack.run("compute-1", "virsh domstate instance-1").strip() == "running"
    assert "pc-q35-rhel9.2.0" in rack.run("compute-1", "virsh dumpxml instance-1")
    assert rack.ask("compute-1", "virsh domstate nothing").err == "error: failed to get domain 'nothing'\n"
    assert virsh.fingerprint(compute) == before
    virsh.define(compute, "instance-1", records.ident("vm-1"), pid=1)
    assert virsh.fingerprint(compute) != before


def test_a_workload_is_pinged(rack: Rack, host: Machine) -> None:
    assert "1 received, 0% packet loss" in rack.run("controller-1", "ping -c 1 -W 1 203.0.113.7")
    assert rack.run("controller-1", "ping") == "pong from controller-1"
    assert rack.ask("controller-1", "ping -c1 203.0.113.9").code == 1
    assert rack.ask("controller-1", "ping -c1 nowhere").code == 2
    dataplane.interrupt(rack.machines["compute-1"], "the tunnels of compute-1")
    assert rack.ask("controller-1", "ping -c1 203.0.113.7").code == 1
    dataplane.interrupt(rack.machines["compute-1"], "the tunnels of compute-1", over=True)
    assert rack.ask("controller-1", "ping -q -c1 203.0.113.7").code == 0
    assert len(dataplane.outages(host)) == 1


def test_open_vswitch(rack: Rack, host: Machine) -> None:
    rack.run("compute-1", "ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=tcp:172.17.0.1:6642")
    assert rack.run("compute-1", "ovs-vsctl get Open_vSwitch . external_ids:ovn-remote") == '"tcp:172.17.0.1:6642"'
    assert rack.run("compute-1", "ovs-vsctl get Open_vSwitch . external_ids") == '{ovn-remote="tcp:172.17.0.1:6642"}'
    missing = rack.ask("compute-1", "ovs-vsctl get Open_vSwitch . external_ids:nothing")
    assert (missing.code, "no key nothing" in missing.err) == (1, True)
    assert rack.run("compute-1", "ovs-vsctl --if-exists get Open_vSwitch . external_ids:nothing") == ""
    rack.run("compute-1", "ovs-vsctl remove Open_vSwitch . external_ids ovn-remote")
    assert rack.run("compute-1", "ovs-vsctl get Open_vSwitch . external_ids") == "{}"


def test_ceph_and_its_gates(rack: Rack, host: Machine) -> None:
    assert rack.ask("controller-1", "ceph -s").code == 1
    ceph.furnish(host, release="pacific", version="16.2.10", auth={"client.openstack": {"mon": "profile rbd"}})
    assert "require_osd_release pacific" in rack.run("controller-1", "ceph osd dump")
    assert json.loads(rack.run("controller-1", "sudo cephadm shell -- ceph versions"))["osd"]
    assert rack.run("controller-1", "ceph health") == "HEALTH_OK"
    assert (
        rack.run("controller-1", "ceph tell 'osd.*' version").count('"version": "ceph version 16.2.10 (pacific)"') == 3
    )
    rack.run("controller-1", "ceph osd crush tunables jewel")
    assert json.loads(rack.run("controller-1", "ceph osd crush show-tunables"))["profile"] == "jewel"
    assert 'caps mon = "profile rbd"' in rack.run("controller-1", "ceph auth get client.openstack")
    assert rack.ask("controller-1", "ceph auth get client.nobody").code == 2
    rack.run("controller-1", "ceph osd require-osd-release quincy")
    assert rack.ask("controller-1", "ceph osd require-osd-release pacific").code == 1
    rack.run("controller-1", "ceph osd set noout && ceph osd unset noout && ceph osd set require_jewel_osds")
    assert rack.ask("controller-1", "ceph osd unset require_jewel_osds").code == 22
    assert "require_jewel_osds" in rack.run("controller-1", "ceph osd dump | grep ^flags")
