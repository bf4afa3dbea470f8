"""What is refused before anybody is asked to take a chain of hops back: checks, snapshots, releases, bad input."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from core.errors import RefusedError
from core.ledger import Hop, Snapshot
from core.pnr import Verdict
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import FERNET, pinned
from sandbox.systems.fast_forward.happenings import nearly_fill_both, with_another_sum, with_no_release
from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.fast_forward.upgrade import BEFORE
from sandbox.systems.tools import units
from tests.needs import own_view
from tests.sandbox.systems.desk import Desk, as_it_was, desk_of
from tests.sandbox.systems.ffu_events import AFTER_OCATA, FIRST, MANIFEST, Event, no_database, runs

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    async with desk_of(SYSTEM, "E1", tmp_path_factory.mktemp("ffu") / "world") as found:
        yield found


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
    "members-whole": (FIRST, no_database, "Primary Synced 2"),
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
