"""The way back from a chain of hops, asked on the practice cloud: what crosses, what nobody knows, what is refused."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from core.errors import RefusedError
from core.ledger import Hop, Snapshot
from core.lint import lint
from core.plan import Severity
from core.pnr import Verdict
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import FERNET, pinned
from sandbox.systems.fast_forward.happenings import nearly_fill_both, snapshot_is, with_another_sum, with_no_release
from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.fast_forward.upgrade import BEFORE, sync
from sandbox.systems.tools import units
from tests.needs import own_view
from tests.sandbox.systems.ffu_events import CROSSINGS, FIRST, Event, runs
from tests.sandbox.systems.ffu_world import as_it_was, half_upgraded
from tests.sandbox.systems.rhoso_world import Desk, shipped_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

MANIFEST = f"{layout.KEPT}/{BEFORE}.manifest"
AFTER_OCATA = {"snapshot": "after-ocata"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    async with half_upgraded(tmp_path_factory.mktemp("ffu") / "world") as found:
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


async def _no_database(desk: Desk) -> None:
    await desk.do("controller-2", "sudo systemctl stop mariadb")


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
        (_no_database, "chain"),
        (_no_database, "compute-reported"),
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


# What is refused before anybody is asked.


async def _engine_upgraded(desk: Desk) -> None:
    with desk.machine(FIRST).shared("galera") as galera:
        galera["engine"] = "10.3.39-MariaDB"


async def _pacemaker_runs(desk: Desk) -> None:
    units.define(desk.machine("controller-2"), "pacemaker", active="active")


async def _not_on_the_volume(desk: Desk) -> None:
    with desk.machine(FIRST).state("lvm") as lvm:
        lvm["mounted"] = False


REFUSED: dict[str, tuple[str, Event, str]] = {
    "manifest-kept": ("controller-2", runs("controller-2", f"echo >>{MANIFEST}"), MANIFEST),
    "manifest-fits": (
        "controller-3",
        runs("controller-3", f"sed -i 's/^release .*/release ocata/' {MANIFEST}"),
        "it is of ocata, and the ledger says newton",
    ),
    "images-here": (
        "controller-3",
        runs("controller-3", f"podman rmi --force {pinned('newton', 'glance-api')}"),
        "not here: registry.example/newton/openstack-glance-api@sha256:",
    ),
    "engine-same": (FIRST, _engine_upgraded, "mariadb-server-10.3.39-1"),
    "pacemaker-off": ("controller-2", _pacemaker_runs, "active"),
    "volume-mounted": (FIRST, _not_on_the_volume, ""),
    "keys-same": ("controller-1", runs("controller-1", f"echo another >{FERNET}"), "they were rotated since"),
    "members-whole": (FIRST, _no_database, "Primary Synced 2"),
}


@pytest.mark.parametrize("check", REFUSED)
async def test_each_check_refuses(desk: Desk, check: str) -> None:
    host, happens, words = REFUSED[check]
    async with as_it_was(desk):
        await happens(desk)
        found = [one for one in desk.plan.preflight if (one.id, one.host) == (check, host)]
        held, said = await desk.holds(host, found[0].look)

    assert not held
    assert words in said


async def test_an_image_by_its_tag_is_not_taken(desk: Desk) -> None:
    async with as_it_was(desk):
        await desk.do(FIRST, f"sed -i 's/@sha256:.*/:newton/' {MANIFEST}")
        assert "an image is not named by its digest" in (await _asked(desk, "manifest-fits"))[1]


async def _asked(desk: Desk, check: str, host: str = FIRST) -> tuple[bool, str]:
    found = next(one for one in desk.plan.preflight if (one.id, one.host) == (check, host))
    return await desk.holds(host, found.look)


def _with(desk: Desk, snapshot: Snapshot) -> dict[str, Snapshot]:
    return {**desk.ledger.snapshots, snapshot.name: snapshot}


async def test_a_checksum_that_is_not_the_manifests_is_refused(desk: Desk) -> None:
    async with as_it_was(desk):
        desk.plan = desk.resolve(snapshots=_with(desk, with_another_sum(desk.ledger.snapshots[BEFORE])))
        assert [(await _asked(desk, "manifest-kept", host))[0] for host in layout.CONTROLLERS] == [False] * 3


@pytest.mark.parametrize("release", ["Newton (14.0.x)", "rocky", "ne wton", "pike"])
async def test_a_release_that_is_none_or_not_reached_is_refused(desk: Desk, release: str) -> None:
    async with as_it_was(desk):
        snapshot = replace(with_no_release(desk.ledger.snapshots[BEFORE]), release=release)
        desk.plan = desk.resolve(snapshots=_with(desk, snapshot))
        held, said = await _asked(desk, "releases-known")

    assert not held
    assert release in said


async def test_a_hop_to_a_release_nobody_knows_is_refused(desk: Desk) -> None:
    hop = replace(desk.ledger.hops[-1], destination="rocky")
    async with as_it_was(desk):
        desk.plan = desk.resolve(hops=(*desk.ledger.hops[:-1], hop))
        held, said = await _asked(desk, "releases-known")
        verdict, _ = (await desk.verdicts("chain"))["chain"]

    assert (held, said) == (False, "the end of the open hop is rocky, which is no release of the recorded chain")
    assert verdict is Verdict.UNKNOWN


async def test_going_back_to_a_hop_must_not_cost_the_way_to_the_first(desk: Desk) -> None:
    async with as_it_was(desk):
        await nearly_fill_both(desk.world)
        first = await _asked(desk, "earlier-survive")
        desk.plan = desk.resolve(AFTER_OCATA)
        second = await _asked(desk, "earlier-survive")

    assert first == (True, "survive"), "later ones are of no use then"
    assert second[0] is False
    assert "before-upgrade (95.00 % full, 12.00 % to come)" in second[1]


async def test_computes_two_releases_behind_are_told_of(desk: Desk) -> None:
    done = Hop(origin="ocata", destination="pike", began_at=desk.world.now(), ended_at=desk.world.now(), by="job")
    later = replace(desk.ledger.snapshots["after-ocata"], name="after-pike", release="pike")
    async with as_it_was(desk):
        desk.plan = desk.resolve(AFTER_OCATA)
        near = await _asked(desk, "computes-near")
        hops, snapshots = (desk.ledger.hops[0], done), _with(desk, later)
        desk.plan = desk.resolve({"snapshot": "after-pike"}, hops=hops, snapshots=snapshots)
        far = await _asked(desk, "computes-near")

    assert near == (True, "near")
    assert "2 releases behind pike" in far[1]


@pytest.mark.parametrize(
    ("given", "changes", "words"),
    [
        ({"snapshot": "after-rocky"}, {}, "restores the snapshot 'after-rocky' and none is recorded"),
        ({"snapshot": "-after"}, {}, "parameter 'snapshot' should look like"),
        ({"snapshot": "after ocata"}, {}, "parameter 'snapshot' should look like"),
        ({}, {"kind": "mysqldump"}, "should be a lvm"),
        ({}, {"engine_version": "10.3.39-MariaDB"}, "has to be of the engine 10.1.48-MariaDB"),
        ({}, {"covers": "mysql"}, "without images"),
    ],
)
async def test_another_snapshot_is_refused(
    desk: Desk, given: dict[str, str], changes: dict[str, str], words: str
) -> None:
    snapshot = replace(desk.ledger.snapshots[BEFORE], **changes)  # type: ignore[arg-type]  # texts, all of them
    with pytest.raises(RefusedError, match=words):
        desk.resolve(given, snapshots=_with(desk, snapshot))
