"""A containerised cloud put back as it was after each test, and what crosses its points of no return, done for real."""

from collections.abc import Awaitable, Callable

from sandbox.systems.containerised_openstack import happenings, layout
from sandbox.systems.containerised_openstack.marker import set_state
from sandbox.systems.containerised_openstack.upgrade import DUMP, ROWS
from sandbox.systems.scenario import Act
from tests.sandbox.systems.desk import Desk

FIRST, SECOND, THIRD = layout.CONTROLLERS
MGMT = layout.MGMT
Event = Callable[[Desk], Awaitable[None]]


#: Where steps and events of this system leave something.
def runs(host: str, line: str) -> Event:
    async def event(desk: Desk) -> None:
        await desk.do(host, line)

    return event


def world(act: Act) -> Event:
    """Return an act of a scenario as an event at a desk."""

    async def event(desk: Desk) -> None:
        await act(desk.world)

    return event


def state(word: str) -> Event:
    async def event(desk: Desk) -> None:
        await set_state(desk.world, word)

    return event


def _changes(host: str, what: str, key: str, value: object, *, shared: bool = False) -> Event:
    async def event(desk: Desk) -> None:
        one = desk.machine(host)
        with one.shared(what) if shared else one.state(what) as found:
            found[key] = value

    return event


def ceph(key: str, value: object) -> Event:
    return _changes(FIRST, "ceph", key, value, shared=True)


_NEWER_OSD = {kind: {"ceph version 12.2.1 (luminous)": 1} for kind in ("mon", "mgr", "osd", "overall")}

CROSSINGS: dict[str, tuple[str, Event, str]] = {
    "a commit": ("upgrade-committed", world(happenings.commit_it), "committed"),
    "a commit, and the state of before still there": (
        "upgrade-committed",
        runs(MGMT, f"echo committed >>{layout.UPGRADE_STATE}"),
        "committed",
    ),
    "the dump removed": ("dump-lost", runs(FIRST, f"rm {DUMP}"), f"lost: there is no {DUMP}"),
    "the dump changed": ("dump-lost", world(happenings.spoil_dump), f"{DUMP} is not the recorded one"),
    "the counts changed": ("dump-lost", runs(FIRST, f"echo >>{ROWS}"), f"{ROWS} is not the recorded one"),
    "nova-compute upgraded": ("compute-upgraded", world(happenings.upgrade_compute), "upgraded: /nova-compute"),
    "libvirt upgraded": ("compute-upgraded", _changes("compute-1", "libvirt", "version", "9.9.9"), "libvirt 9.9.9"),
    "Open vSwitch upgraded": ("compute-upgraded", _changes("compute-1", "ovs", "version", "3.1.0"), "3.1.0"),
    "a flag of Ceph": (
        "ceph-gate-closed",
        runs(FIRST, "ceph osd set require_jewel_osds"),
        "moved: flag require_jewel_osds",
    ),
    "the release OSDs have to be of": (
        "ceph-gate-closed",
        runs(FIRST, "ceph osd require-osd-release luminous"),
        "moved: require_osd_release luminous",
    ),
    "newer OSDs": ("ceph-gate-closed", ceph("versions", _NEWER_OSD), "moved: ceph version 12.2.1"),
    "newer monitors": ("ceph-gate-closed", ceph("min_mon_release", "luminous"), "(luminous)"),
    "an old image pruned": (
        "images-lost",
        runs(THIRD, f"docker rmi -f {layout.image('nova-api', layout.ORIGIN)}"),
        "lost: the images of /nova-api",
    ),
    "RabbitMQ's image pruned": (
        "images-lost",
        runs(SECOND, f"docker rmi -f {layout.image('rabbitmq', layout.ORIGIN)}"),
        "lost: the images of /rabbitmq",
    ),
}

UNKNOWNS: dict[str, tuple[str, Event]] = {
    "no state": ("upgrade-committed", runs(MGMT, f"rm {layout.UPGRADE_STATE}")),
    "a state nobody knows": ("upgrade-committed", state("half-done")),
    "two states": ("upgrade-committed", runs(MGMT, f"echo rolling >>{layout.UPGRADE_STATE}")),
    "Ceph away": ("ceph-gate-closed", ceph("unreachable", True)),
    "a compute without its service": ("compute-upgraded", runs("compute-1", "systemctl stop openstack-nova-compute")),
}

#: Preflight check -> what makes it fail.
REFUSED: dict[str, Event] = {
    "config-kept": runs(SECOND, f"echo >>{layout.KEPT}/etc/nova-api/nova-api.conf"),
    "room": runs(FIRST, f"truncate -s 8T {DUMP}"),
    "ceph-healthy": ceph("health", "HEALTH_WARN 1 osds down"),
    "same-tunables": runs(FIRST, "ceph osd crush tunables jewel"),
    "same-engine": _changes(FIRST, "galera", "members", {}, shared=True),
    "keys-kept": runs(THIRD, f"rm -r {layout.KEPT}/etc/keystone/fernet-keys"),
}
