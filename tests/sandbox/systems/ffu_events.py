"""What speaks against going back in a chain of hops, done for real on the practice cloud."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import service_on
from sandbox.systems.fast_forward.happenings import snapshot_is
from sandbox.systems.fast_forward.upgrade import BEFORE, sync
from sandbox.systems.scenario import Act
from sandbox.systems.tools import units
from tests.sandbox.systems.desk import Clerk, Desk

FIRST = layout.BOOTSTRAP
MANIFEST = f"{layout.KEPT}/{BEFORE}.manifest"
#: What a requester adds to go back to the first hop's end.
AFTER_OCATA = {"snapshot": "after-ocata"}

Event = Callable[[Desk], Awaitable[None]]


def runs(host: str, line: str) -> Event:
    async def event(desk: Desk) -> None:
        await desk.do(host, line)

    return event


def acts(act: Act) -> Event:
    async def event(desk: Desk) -> None:
        await act(desk.world)

    return event


def says_sql(statement: str, host: str = FIRST) -> Event:
    return runs(host, f'sudo mysql -e "{statement}"')


async def no_database(desk: Desk) -> None:
    await desk.do("controller-2", "sudo systemctl stop mariadb")


async def _other_image_written(desk: Desk) -> None:
    service_on(desk.machine("compute-1"), "nova-compute", "queens", active="active")


async def _other_image_runs(desk: Desk) -> None:
    """The file was put back, the agent was not: what runs is what counts."""
    one = desk.machine("compute-2")
    kept = one.read("/etc/sysconfig/openstack-nova-compute")
    units.stop(one, layout.unit("nova-compute"))
    service_on(one, "nova-compute", "queens")
    units.start(one, layout.unit("nova-compute"))
    one.write("/etc/sysconfig/openstack-nova-compute", kept)


async def _beyond(desk: Desk) -> None:
    await sync(desk.world, "cinder", "queens")


async def _beyond_in_one_branch(desk: Desk) -> None:
    await desk.do(FIRST, "sudo mysql -e \"INSERT INTO neutron.alembic_version VALUES ('queens-expand')\"")


async def _said_to_have_ended(desk: Desk) -> None:
    await desk.world.recorder.hop_done("pike")


async def _no_hops(desk: Desk) -> None:
    """The upgrade's automation forgot to tell of its hops."""
    recorder = desk.world.recorder
    assert isinstance(recorder, Clerk)
    recorder.ledger = replace(recorder.ledger, hops=())


async def _taken_back(desk: Desk) -> None:
    """Somebody restored one database by hand: earlier than the hop that ended."""
    await sync(desk.world, "nova", "newton")


async def _snapshot_gone(desk: Desk) -> None:
    with desk.machine(FIRST).state("lvm") as lvm:
        del lvm["snapshots"][BEFORE]


CROSSINGS: dict[str, tuple[str, Event, str]] = {
    "a compute's image": ("compute-converted", _other_image_written, "compute-1: converted: it has IMAGE=registry"),
    "a compute's agent": ("compute-converted", _other_image_runs, "compute-2: converted: it runs sha256:"),
    "a compute's word": (
        "compute-reported",
        says_sql("UPDATE nova.services SET version = 16 WHERE host = 'compute-1'"),
        "converted: compute-1 says 16, was 15",
    ),
    "a schema beyond": (
        "chain",
        _beyond,
        "chain at ocata and the hop to pike open at step 8; alembic_version of cinder says queens-cinder (queens)",
    ),
    "a hop nobody recorded": ("chain", _no_hops, "beyond: the ledger has the chain at newton and no hop open"),
    "one branch beyond": ("chain", _beyond_in_one_branch, "(queens)"),
    "a hop that did not end": ("chain", _said_to_have_ended, "contradiction: the ledger has the chain at pike"),
    "a schema taken back": ("chain", _taken_back, "alembic_version of nova says newton-nova (newton)"),
    "a member that says otherwise": (
        "chain",
        says_sql("UPDATE cinder.alembic_version SET version_num = 'newton-cinder'", "controller-3"),
        "alembic_version of cinder says newton-cinder (newton)",
    ),
    "a full snapshot": ("snapshot-void", acts(snapshot_is(percent=100.0)), "before-upgrade is 100.00 % full"),
    "an invalid one": ("snapshot-void", acts(snapshot_is(invalid=True)), "is invalid (swi-I-s---)"),
    "one that is merged": ("snapshot-void", acts(snapshot_is(pending=True)), "is being merged (Swi-a-s---)"),
    "one that is gone": ("snapshot-void", _snapshot_gone, "is not there: merged, or removed"),
    "a merge of something else": ("merged-wrong", _snapshot_gone, "controller-1: wrong: "),
    "another of that name": ("snapshot-void", acts(snapshot_is(uuid="K9x")), "is K9x, and "),
    "another system": (
        "os-changed",
        runs("controller-2", "echo CentOS Stream release 8 >/etc/redhat-release"),
        "controller-2: CentOS Stream release 8",
    ),
    "Ceph's gate": (
        "ceph-gate",
        runs(FIRST, "ceph osd require-osd-release luminous"),
        "closed: luminous, was jewel",
    ),
}
