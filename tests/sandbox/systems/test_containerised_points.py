"""The way back from Ocata, before anybody is asked: each point of no return, each precondition, each bad input."""

from dataclasses import replace

import pytest
import yaml

from core.errors import BelayError, RefusedError
from core.lint import lint
from core.pnr import Verdict
from core.resolve import resolve
from sandbox.systems.containerised_openstack.system import SYSTEM
from sandbox.systems.containerised_openstack.upgrade import DUMP
from store.config_files import build_targets
from tests.sandbox.systems.containerised_events import CROSSINGS, FIRST, REFUSED, UNKNOWNS, state
from tests.sandbox.systems.desk import Desk, shipped_plan

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
    assert order.index("clear-notes") < min(order.index(step) for step in order if step.startswith("note-"))
    assert order.index("stop-workers") < order.index("close-door") < order.index("galera-first")
    assert order.index("rabbit-whole") < order.index("start-services"), "services come back to fresh connections"
    assert [step.id for step in plan.steps if step.destructive] == ["restore", "rabbit-wipe"]
    assert not [step.id for step in plan.steps if step.role in ("compute", "ceph_mon")], "they are nobody's to change"


async def test_as_the_upgrade_left_it_everything_is_reversible(cloud: Desk) -> None:
    assert {verdict for verdict, _ in (await cloud.verdicts()).values()} == {Verdict.REVERSIBLE}
    for check in cloud.plan.preflight:
        held, said = await cloud.holds(check.host, check.look)
        assert held, f"{check.id} on {check.host}: {said}"


@pytest.mark.parametrize("event", CROSSINGS)
async def test_each_event_crosses_its_point_of_no_return(fresh: Desk, event: str) -> None:
    point, happens, words = CROSSINGS[event]
    await happens(fresh)
    verdict, found = (await fresh.verdicts(point))[point]

    assert verdict is Verdict.CROSSED
    assert words in found


@pytest.mark.parametrize("event", UNKNOWNS)
async def test_what_cannot_be_told_is_unknown(fresh: Desk, event: str) -> None:
    point, happens = UNKNOWNS[event]
    await happens(fresh)
    assert (await fresh.verdicts(point))[point][0] is Verdict.UNKNOWN


async def test_a_compute_that_is_off_is_unknown(cloud: Desk) -> None:
    compute = cloud.world.hosts["compute-2"]
    await compute.stop()
    try:
        verdict, found = (await cloud.verdicts("compute-upgraded"))["compute-upgraded"]
    finally:
        await compute.power_on()

    assert verdict is Verdict.UNKNOWN
    assert found.startswith("compute-2: ")


@pytest.mark.parametrize("word", ["running", "failed", "upgraded", "rolling-back", "rolled-back"])
async def test_before_the_commit_the_upgrade_may_be_taken_back(fresh: Desk, word: str) -> None:
    await state(word)(fresh)
    assert (await fresh.verdicts("upgrade-committed"))["upgrade-committed"][0] is Verdict.REVERSIBLE


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
async def test_a_dump_that_is_recorded_and_no_good(fresh: Desk, options: str, words: str) -> None:
    """Its checksum is right; loading it would not be."""
    await fresh.do(FIRST, f"docker exec galera mysqldump {options} | gzip >{DUMP}")
    verdict, found = (await (await _recorded_anew(fresh)).verdicts("dump-lost"))["dump-lost"]

    assert (verdict, words in found) == (Verdict.CROSSED, True)


async def _held(desk: Desk, name: str) -> list[bool]:
    return [(await desk.holds(check.host, check.look))[0] for check in desk.plan.preflight if check.id == name]


@pytest.mark.parametrize("name", REFUSED)
async def test_each_precondition_refuses(fresh: Desk, name: str) -> None:
    await REFUSED[name](fresh)
    assert False in await _held(fresh, name)


async def test_another_host_release_is_told(cloud: Desk) -> None:
    path = cloud.world.hosts[FIRST].path("/etc/redhat-release")
    before = path.read_text()
    path.write_text(before.replace("7.2", "7.4"))
    try:
        assert await _held(cloud, "host-as-before") == [False, True, True]
    finally:
        path.write_text(before)


async def test_a_dump_of_the_new_schemas_is_refused(fresh: Desk) -> None:
    """It is whole, drops what it restores, and has been recorded; but it was taken too late."""
    names = "keystone glance nova nova_api neutron cinder"
    await fresh.do(
        FIRST, f"docker exec galera mysqldump --add-drop-database --databases {names} | gzip -c >/var/tmp/late.gz"
    )
    await fresh.do(FIRST, f"mv /var/tmp/late.gz {DUMP}")
    late = await _recorded_anew(fresh)

    assert (await late.verdicts("dump-lost"))["dump-lost"][0] is Verdict.REVERSIBLE
    assert await _held(late, "dump-of-before") == [False]


# Bad input is refused before anyone is asked.


@pytest.mark.parametrize("name", ["units", "images", "config", "ports", "databases", "schema", "ceph", "fingerprint"])
async def test_a_missing_baseline_is_refused(cloud: Desk, name: str) -> None:
    kept = {fact: value for fact, value in cloud.ledger.baseline.items() if fact.partition("@")[0] != name}
    with pytest.raises(RefusedError, match=rf"(?si){name}.*belay baseline"):
        cloud.resolve(baseline=kept)


@pytest.mark.parametrize("name", ["database", "rows"])
async def test_a_missing_snapshot_is_refused(cloud: Desk, name: str) -> None:
    kept = {known: one for known, one in cloud.ledger.snapshots.items() if known != name}
    with pytest.raises(RefusedError, match=f"restores the snapshot '{name}' and none is recorded"):
        cloud.resolve(snapshots=kept)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine_version": "10.3.8-MariaDB"}, "has to be of the engine 10.1"),
        ({"engine_version": "10.10.1-MariaDB"}, "has to be of the engine 10.1"),
        ({"covers": "keystone glance nova neutron cinder"}, "nova_api"),
        ({"kind": "mariabackup"}, "should be a mysqldump"),
    ],
)
async def test_a_snapshot_that_does_not_fit_is_refused(cloud: Desk, change: dict[str, str], words: str) -> None:
    dump = replace(cloud.ledger.snapshots["database"], **change)  # type: ignore[arg-type]  # names of its fields
    with pytest.raises(RefusedError, match=words):
        cloud.resolve(snapshots={**cloud.ledger.snapshots, "database": dump})


@pytest.mark.parametrize(("role", "hosts"), [("backup", []), ("controller", ["controller-1"]), ("compute", [])])
async def test_a_role_without_its_hosts_is_refused(cloud: Desk, role: str, hosts: list[str]) -> None:
    text = yaml.safe_load(cloud.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"][role] = hosts
    with pytest.raises(BelayError, match=role):
        resolve(shipped_plan(SYSTEM), build_targets(text)[SYSTEM.target], cloud.ledger)


async def test_no_secret_is_recorded(cloud: Desk) -> None:
    assert not [
        fact for fact, value in cloud.ledger.baseline.items() if "galera-root" in value or "the key of" in value
    ]
