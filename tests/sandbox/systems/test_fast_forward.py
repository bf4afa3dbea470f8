"""The way back from a chain of hops, asked on the practice cloud: what crosses, what nobody knows, what is refused."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.lint import lint
from core.plan import Severity
from core.pnr import Verdict
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.happenings import snapshot_is
from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.fast_forward.upgrade import sync
from tests.needs import own_view
from tests.sandbox.systems.desk import Desk, as_it_was, desk_of, shipped_plan
from tests.sandbox.systems.ffu_events import AFTER_OCATA, CROSSINGS, FIRST, MANIFEST, Event, no_database, runs

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    async with desk_of(SYSTEM, "E1", tmp_path_factory.mktemp("ffu") / "world") as found:
        yield found


async def test_the_linter_finds_nothing() -> None:
    assert lint(shipped_plan(SYSTEM)) == ()


async def test_nothing_is_thrown_away_before_it_was_looked_at() -> None:
    plan = shipped_plan(SYSTEM)
    order = [step.id for step in plan.steps]
    first = next(step for step in plan.steps if step.do and step.id.startswith("stop"))

    assert set(first.guard) == {point.id for point in plan.points_of_no_return}
    assert [step.id for step in plan.steps if step.destructive] == ["merge", "join-members"]
    assert order.index("no-server-lives") + 1 == order.index("merge"), "nothing comes between the look and the deed"
    assert order.index("heads-right") + 1 == order.index("join-members")
    assert {step.role for step in plan.steps if step.do} == {"controller", "undercloud"}


async def test_as_the_upgrade_left_it_everything_is_reversible(desk: Desk) -> None:
    verdicts = await desk.verdicts()

    assert {verdict for verdict, _ in verdicts.values()} == {Verdict.REVERSIBLE}
    assert "the hop to pike open at step 8" in verdicts["chain"][1]
    for check in desk.plan.preflight:
        held, said = await desk.holds(check.host, check.look)
        assert held or check.id == "no-hop-to-resume", f"{check.id} on {check.host}: {said}"


async def test_it_says_how_to_go_forward_instead(desk: Desk) -> None:
    check = next(check for check in desk.plan.preflight if check.id == "no-hop-to-resume")

    held, said = await desk.holds(check.host, check.look)

    assert (held, check.severity) == (False, Severity.WARNING)
    assert "the hop ocata to pike stopped at step 8; forward: " in said


@pytest.mark.parametrize("event", CROSSINGS)
async def test_each_event_crosses_its_point_of_no_return(desk: Desk, event: str) -> None:
    point, happens, words = CROSSINGS[event]
    async with as_it_was(desk):
        await happens(desk)
        desk.plan = desk.resolve()
        verdict, found = (await desk.verdicts(point))[point]

    assert verdict is Verdict.CROSSED
    assert words in found


async def test_only_the_chosen_snapshot_has_to_be_whole(desk: Desk) -> None:
    async with as_it_was(desk):
        await snapshot_is("after-ocata", percent=100.0)(desk.world)
        first = await desk.verdicts("snapshot-void")
        desk.plan = desk.resolve(AFTER_OCATA)
        second = await desk.verdicts("snapshot-void")

    assert first["snapshot-void"][0] is Verdict.REVERSIBLE
    assert second["snapshot-void"][0] is Verdict.CROSSED
    assert "vg_db/after-ocata is 100.00 % full; forward: the hop ocata to pike" in second["snapshot-void"][1]


async def test_what_was_written_since_the_snapshot_is_listed(desk: Desk) -> None:
    held, said = await desk.verify(f"written-since@{FIRST}")

    assert held
    assert "port" in said
    assert "late-device" in said


# What an open hop explains, and what it does not.


async def _half_of_neutron(desk: Desk) -> None:
    await desk.do(FIRST, "sudo mysql -e \"UPDATE neutron.alembic_version SET version_num = 'pike-expand' "
                         "WHERE version_num = 'ocata-expand'\"")  # fmt: skip


async def _between_two_revisions(desk: Desk) -> None:
    await desk.do(FIRST, "sudo mysql -e \"UPDATE nova.alembic_version SET version_num = '355'\"")


async def _all_of_pike(desk: Desk) -> None:
    for database in layout.heads_of("pike"):
        if database not in ("keystone", "glance"):
            await sync(desk.world, database, "pike")


@pytest.mark.parametrize("happens", [_half_of_neutron, _between_two_revisions, _all_of_pike])
async def test_an_open_hop_explains_what_lies_within_it(desk: Desk, happens: Event) -> None:
    async with as_it_was(desk):
        await happens(desk)
        assert (await desk.verdicts("chain"))["chain"][0] is Verdict.REVERSIBLE


async def test_without_an_open_hop_a_revision_nobody_knows_is_a_contradiction(desk: Desk) -> None:
    async with as_it_was(desk):
        await _all_of_pike(desk)
        await desk.world.recorder.hop_done("pike")
        desk.plan = desk.resolve()
        assert (await desk.verdicts("chain"))["chain"][0] is Verdict.REVERSIBLE
        await _between_two_revisions(desk)
        verdict, found = (await desk.verdicts("chain"))["chain"]

    assert verdict is Verdict.CROSSED
    assert "alembic_version of nova says 355 (no release of the chain)" in found


# What cannot be asked is unknown.


async def _no_lvm(desk: Desk) -> None:
    with desk.machine(FIRST).state("lvm") as lvm:
        lvm["unreadable"] = True


async def _no_ceph(desk: Desk) -> None:
    with desk.machine(FIRST).shared("ceph") as ceph:
        ceph["unreachable"] = True


async def _a_compute_nobody_recorded(desk: Desk) -> None:
    await desk.do(FIRST, "sudo mysql -e \"UPDATE nova.services SET host = 'compute-9' WHERE host = 'compute-2'\"")


@pytest.mark.parametrize(
    ("happens", "point"),
    [
        (no_database, "chain"),
        (no_database, "compute-reported"),
        (_no_lvm, "snapshot-void"),
        (_no_lvm, "merged-wrong"),
        (runs(FIRST, f"rm {MANIFEST}"), "snapshot-void"),
        (_no_ceph, "ceph-gate"),
        (runs("controller-1", "rm /etc/redhat-release"), "os-changed"),
        (runs("compute-2", "rm /etc/sysconfig/openstack-nova-compute"), "compute-converted"),
        (_a_compute_nobody_recorded, "compute-reported"),
    ],
)
async def test_silence_is_unknown(desk: Desk, happens: Event, point: str) -> None:
    async with as_it_was(desk):
        await happens(desk)
        assert (await desk.verdicts(point))[point][0] is Verdict.UNKNOWN


async def test_a_compute_that_is_off_is_unknown(desk: Desk) -> None:
    compute = desk.world.hosts["compute-2"]
    await compute.stop()
    try:
        verdict, found = (await desk.verdicts("compute-converted"))["compute-converted"]
    finally:
        await compute.power_on()

    assert verdict is Verdict.UNKNOWN
    assert found.startswith("compute-2: ")


async def test_a_database_the_rollback_stopped_is_believed_until_somebody_writes(desk: Desk) -> None:
    async with as_it_was(desk):
        for unit in ("note-before@controller-3", "stop-members@controller-3"):
            assert (await desk.act(unit)).exit_code == 0
        stopped = await desk.verdicts("chain", "compute-reported")
        await desk.do("controller-3", "sudo systemctl start mariadb")
        await desk.do(FIRST, "sudo mysql -e \"UPDATE nova.instances SET vm_state = 'stopped'\"")
        await desk.do("controller-3", "sudo systemctl stop mariadb")
        written = await desk.verdicts("chain", "compute-reported")

    assert {verdict for verdict, _ in stopped.values()} == {Verdict.REVERSIBLE}
    assert {verdict for verdict, _ in written.values()} == {Verdict.UNKNOWN}
