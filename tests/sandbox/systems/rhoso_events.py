"""What crosses the points of no return of an adoption, done for real on the practice cloud."""

from collections.abc import Awaitable, Callable

from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.furnish import RING
from sandbox.systems.rhoso_adoption.upgrade import CIB, edpm
from sandbox.systems.tools import units
from tests.sandbox.systems.desk import Desk

FIRST, BASTION = layout.CONTROLLERS[0], layout.BASTION

Event = Callable[[Desk], Awaitable[None]]


def runs(host: str, line: str) -> Event:
    async def event(desk: Desk) -> None:
        await desk.do(host, line)

    return event


def patches(spec: str) -> Event:
    return runs(BASTION, f"oc -n openstack patch openstackcontrolplane openstack --type=merge -p '{{\"spec\":{spec}}}'")


async def clean_up(desk: Desk) -> None:
    await edpm(desk.world, "tripleo-cleanup", ["tripleo-cleanup"])


async def _everything(desk: Desk) -> None:
    await edpm(desk.world, "openstack")
    await desk.do(BASTION, "oc -n openstack delete job --all")


async def _edpm_unit(desk: Desk) -> None:
    units.define(desk.machine("compute-2"), "edpm_ovn_controller")


async def _unit_gone(desk: Desk) -> None:
    units.remove(desk.machine("dcn1-hci-1"), layout.unit("nova_compute"))


async def _monitor_moved(desk: Desk) -> None:
    with desk.machine(FIRST).shared("ceph") as ceph:
        ceph["daemons"][0]["hostname"] = "ceph-1"


NODES = "/var/lib/edpm-config/deployed_services"
REMOTE = "sudo ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=tcp:ovsdbserver-sb.openstack.svc:6642"
CROSSINGS = {
    "a job of EDPM": ("edpm-ran", clean_up, "EDPM ran: tripleo-cleanup of tripleo-cleanup"),
    "a deployment of everything": ("edpm-ran", _everything, "EDPM was asked for: openstack (all services)"),
    "a unit of EDPM": ("edpm-ran", _edpm_unit, "EDPM's units are there: edpm_ovn_controller.service"),
    "EDPM's record": ("edpm-ran", runs("compute-1", f"mkdir -p {NODES}"), "deployed_services is there"),
    "a unit deleted at the edge": ("edpm-ran", _unit_gone, "units of RHOSP are gone: tripleo_nova_compute.service"),
    "OVN re-pointed": ("edpm-ran", runs("compute-2", REMOTE), "ovsdbserver-sb.openstack.svc"),
    "the workaround taken off": (
        "nova-fast-forwarded",
        patches(
            '{"nova":{"template":{"apiServiceTemplate":{"customServiceConfig":'
            '"[workarounds]\\ndisable_compute_service_check_for_ffu=false\\n"}}}}'
        ),
        "finished: the workaround is off",
    ),
    "a monitor on another host": ("ceph-moved", _monitor_moved, "mon ceph-1"),
    "storage for objects": (
        "swift-moved",
        patches('{"swift":{"template":{"swiftStorage":{"replicas":3}}}}'),
        "moved: 3 replicas of swift-storage",
    ),
    "another ring": ("swift-moved", runs("controller-2", f"echo drained >>{RING}"), "moved: another ring"),
    "ceph-nfs disabled": ("nfs-decommissioned", runs(FIRST, "pcs resource disable ceph-nfs"), "ceph-nfs is disabled"),
    "ceph-nfs unmanaged": (
        "nfs-decommissioned",
        runs(FIRST, "pcs resource unmanage ceph-nfs"),
        "ceph-nfs is unmanaged",
    ),
    "ceph-nfs deleted": ("nfs-decommissioned", runs(FIRST, "pcs resource delete ceph-nfs"), "ceph-nfs was deleted"),
    "the kept configuration removed": ("instance-ha-lost", runs(FIRST, f"rm {CIB}"), "there is no copy"),
    "the kept configuration changed": ("instance-ha-lost", runs(FIRST, f"echo >>{CIB}"), "is not the recorded one"),
    "a controller wiped": (
        "controller-wiped",
        runs("controller-3", "rm -r /var/lib/mysql"),
        "there is no /var/lib/mysql",
    ),
    "a database removed": (
        "controller-wiped",
        runs("controller-3", "rm /var/lib/mysql/grastate.dat"),
        "there is no grastate.dat",
    ),
}
