"""The way back from Ocata, before anybody is asked: each point of no return, each precondition, each bad input."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from core.errors import BelayError, RefusedError
from core.lint import lint
from core.pnr import Verdict
from core.resolve import resolve
from sandbox.systems.containerised_openstack.system import SYSTEM
from sandbox.systems.containerised_openstack.upgrade import DUMP
from sandbox.systems.world import World
from store.config_files import build_targets
from tests.needs import own_view
from tests.sandbox.systems.containerised_events import CROSSINGS, FIRST, REFUSED, UNKNOWNS, as_it_was, state
from tests.sandbox.systems.desk import Clerk, Desk, shipped_plan, target_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    home: Path = tmp_path_factory.mktemp("containers") / "world"
    async with World.start(SYSTEM, SYSTEM.scenario("D1"), home) as world:
        clerk = Clerk(SYSTEM.target)
        clerk.world = world
        await world.upgrade(clerk)
        yield Desk(world, resolve(shipped_plan(SYSTEM), target_of(world), world.ledger))


async def test_the_linter_finds_nothing() -> None:
    assert lint(shipped_plan(SYSTEM)) == ()


async def test_every_guard_is_whole_and_the_order_is_safe() -> None:
    plan = shipped_plan(SYSTEM)
    points = {point.id for point in plan.points_of_no_return}
    steps = {step.id: step for step in plan.steps}
    order = list(steps)

    assert set(steps["stop-apis"].guard) == set(steps["restore"].guard) == points
    assert order.index("evidence") < order.index("restore"), "what is overwritten has been kept"
    assert order.index("hold-upgrade") < order.index("stop-apis")
    assert order.index("stop-workers") < order.index("close-door") < order.index("galera-first")
    assert order.index("rabbit-whole") < order.index("start-services"), "services come back to fresh connections"
    assert [step.id for step in plan.steps if step.destructive] == ["restore", "rabbit-wipe"]
    assert not [step.id for step in plan.steps if step.role in ("compute", "ceph_mon")], "they are nobody's to change"


async def test_as_the_upgrade_left_it_everything_is_reversible(desk: Desk) -> None:
    assert {verdict for verdict, _ in (await desk.verdicts()).values()} == {Verdict.REVERSIBLE}
    for check in desk.plan.preflight:
        held, said = await desk.holds(check.host, check.look)
        assert held, f"{check.id} on {check.host}: {said}"


@pytest.mark.parametrize("event", CROSSINGS)
async def test_each_event_crosses_its_point_of_no_return(desk: Desk, event: str, tmp_path: Path) -> None:
    point, happens, words = CROSSINGS[event]
    async with as_it_was(desk, tmp_path):
        await happens(desk)
        verdict, found = (await desk.verdicts(point))[point]

    assert verdict is Verdict.CROSSED
    assert words in found


@pytest.mark.parametrize("event", UNKNOWNS)
async def test_what_cannot_be_told_is_unknown(desk: Desk, event: str, tmp_path: Path) -> None:
    point, happens = UNKNOWNS[event]
    async with as_it_was(desk, tmp_path):
        await happens(desk)
        assert (await desk.verdicts(point))[point][0] is Verdict.UNKNOWN


async def test_a_compute_that_is_off_is_unknown(desk: Desk) -> None:
    compute = desk.world.hosts["compute-2"]
    await compute.stop()
    try:
        verdict, found = (await desk.verdicts("compute-upgraded"))["compute-upgraded"]
    finally:
        await compute.power_on()

    assert verdict is Verdict.UNKNOWN
    assert found.startswith("compute-2: ")


@pytest.mark.parametrize("word", ["running", "failed", "upgraded", "rolling-back", "rolled-back"])
async def test_before_the_commit_the_upgrade_may_be_taken_back(desk: Desk, word: str, tmp_path: Path) -> None:
    async with as_it_was(desk, tmp_path):
        await state(word)(desk)
        assert (await desk.verdicts("upgrade-committed"))["upgrade-committed"][0] is Verdict.REVERSIBLE


async def _recorded_anew(desk: Desk) -> Desk:
    """Resolve the plan with the checksum the dump has now, as if it had been recorded like that."""
    sha256 = (await desk.do(FIRST, f"sha256sum {DUMP}")).split()[0]
    dump = replace(desk.ledger.snapshots["database"], sha256=sha256)
    return Desk(desk.world, desk.resolve(snapshots={**desk.ledger.snapshots, "database": dump}))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--databases keystone nova", "lost: the dump drops 0 of its 2 databases"),
        ("--add-drop-database --skip-comments --databases keystone nova", "lost: the dump has no end"),
    ],
)
async def test_a_dump_that_is_recorded_and_no_good(desk: Desk, options: str, words: str, tmp_path: Path) -> None:
    """Its checksum is right; loading it would not be."""
    async with as_it_was(desk, tmp_path):
        await desk.do(FIRST, f"docker exec galera mysqldump {options} | gzip >{DUMP}")
        verdict, found = (await (await _recorded_anew(desk)).verdicts("dump-lost"))["dump-lost"]

    assert (verdict, words in found) == (Verdict.CROSSED, True)


async def _held(desk: Desk, name: str) -> list[bool]:
    return [(await desk.holds(check.host, check.look))[0] for check in desk.plan.preflight if check.id == name]


@pytest.mark.parametrize("name", REFUSED)
async def test_each_precondition_refuses(desk: Desk, name: str, tmp_path: Path) -> None:
    async with as_it_was(desk, tmp_path):
        await REFUSED[name](desk)
        assert False in await _held(desk, name)


async def test_another_host_release_is_told(desk: Desk) -> None:
    path = desk.world.hosts[FIRST].path("/etc/redhat-release")
    before = path.read_text()
    path.write_text(before.replace("7.2", "7.4"))
    try:
        assert await _held(desk, "host-as-before") == [False, True, True]
    finally:
        path.write_text(before)


async def test_a_dump_of_the_new_schemas_is_refused(desk: Desk, tmp_path: Path) -> None:
    """It is whole, drops what it restores, and has been recorded; but it was taken too late."""
    names = "keystone glance nova nova_api neutron cinder"
    async with as_it_was(desk, tmp_path):
        await desk.do(
            FIRST, f"docker exec galera mysqldump --add-drop-database --databases {names} | gzip -c >/var/tmp/late.gz"
        )
        await desk.do(FIRST, f"mv /var/tmp/late.gz {DUMP}")
        late = await _recorded_anew(desk)

        assert (await late.verdicts("dump-lost"))["dump-lost"][0] is Verdict.REVERSIBLE
        assert await _held(late, "dump-of-before") == [False]


# Bad input is refused before anyone is asked.


@pytest.mark.parametrize("name", ["units", "images", "config", "ports", "databases", "schema", "ceph", "fingerprint"])
async def test_a_missing_baseline_is_refused(desk: Desk, name: str) -> None:
    kept = {fact: value for fact, value in desk.ledger.baseline.items() if fact.partition("@")[0] != name}
    with pytest.raises(RefusedError, match=rf"(?si){name}.*belay baseline"):
        desk.resolve(baseline=kept)


@pytest.mark.parametrize("name", ["database", "rows"])
async def test_a_missing_snapshot_is_refused(desk: Desk, name: str) -> None:
    kept = {known: one for known, one in desk.ledger.snapshots.items() if known != name}
    with pytest.raises(RefusedError, match=f"restores the snapshot '{name}' and none is recorded"):
        desk.resolve(snapshots=kept)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine_version": "10.3.8-MariaDB"}, "has to be of the engine 10.1"),
        ({"engine_version": "10.10.1-MariaDB"}, "has to be of the engine 10.1"),
        ({"covers": "keystone glance nova neutron cinder"}, "nova_api"),
        ({"kind": "mariabackup"}, "should be a mysqldump"),
    ],
)
async def test_a_snapshot_that_does_not_fit_is_refused(desk: Desk, change: dict[str, str], words: str) -> None:
    dump = replace(desk.ledger.snapshots["database"], **change)  # type: ignore[arg-type]  # names of its fields
    with pytest.raises(RefusedError, match=words):
        desk.resolve(snapshots={**desk.ledger.snapshots, "database": dump})


@pytest.mark.parametrize(("role", "hosts"), [("backup", []), ("controller", ["controller-1"]), ("compute", [])])
async def test_a_role_without_its_hosts_is_refused(desk: Desk, role: str, hosts: list[str]) -> None:
    text = yaml.safe_load(desk.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"][role] = hosts
    with pytest.raises(BelayError, match=role):
        resolve(shipped_plan(SYSTEM), build_targets(text)[SYSTEM.target], desk.ledger)


async def test_no_secret_is_recorded(desk: Desk) -> None:
    assert not [fact for fact, value in desk.ledger.baseline.items() if "galera-root" in value or "the key of" in value]
