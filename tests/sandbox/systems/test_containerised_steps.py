"""The way back from Ocata, step by step: what each one sees, what an abort takes back, and what may be done twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.election import newest
from core.errors import RefusedError
from core.resolve import resolve
from sandbox.systems.containerised_openstack import happenings, layout, marker, upgrade
from sandbox.systems.containerised_openstack.system import SYSTEM
from sandbox.systems.containerised_openstack.tools import galera_box
from sandbox.systems.containerised_openstack.truth import EVIDENCE, NEWEST
from sandbox.systems.tools import containers, dump, galera, units
from sandbox.systems.world import World
from tests.needs import own_view
from tests.sandbox.systems.containerised_events import FIRST, MGMT, SECOND, THIRD, as_it_was
from tests.sandbox.systems.desk import Clerk, Desk, shipped_plan, target_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

CONTROLLERS = layout.CONTROLLERS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    home: Path = tmp_path_factory.mktemp("containers") / "world"
    async with World.start(SYSTEM, SYSTEM.scenario("D1"), home) as world:
        clerk = Clerk(SYSTEM.target)
        clerk.world = world
        await world.upgrade(clerk)
        yield Desk(world, resolve(shipped_plan(SYSTEM), target_of(world), world.ledger))


@pytest_asyncio.fixture(loop_scope="module")
async def desk(broken: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """The cloud as the upgrade left it, for each test anew."""
    async with as_it_was(broken, tmp_path):
        yield broken


async def does(desk: Desk, step: str, *hosts: str, undo: bool = False) -> None:
    for host in hosts:
        said = await desk.act(f"{step}@{host}", undo=undo)
        assert said.exit_code == 0, f"{step} on {host}: {said}"


async def seen(desk: Desk, step: str, host: str) -> str:
    """What the step's verify says now, which has to hold."""
    held, said = await desk.verify(f"{step}@{host}")
    assert held, f"{step} on {host}: {said}"
    return said


def running(desk: Desk, host: str) -> set[str]:
    return {name for name, (_, state) in units.states(desk.machine(host)).items() if state == "active"}


# Holding the upgrade.


async def test_a_held_upgrade_is_not_committed_and_is_let_go_again(desk: Desk) -> None:
    await does(desk, "hold-upgrade", MGMT, MGMT)  # twice: the state of before must not be lost
    await seen(desk, "hold-upgrade", MGMT)
    assert "the upgrade is rolling-back" in (await marker.commit(desk.world)).stderr

    await does(desk, "hold-upgrade", MGMT, undo=True)

    assert await desk.do(MGMT, f"cat {layout.UPGRADE_STATE}") == "upgraded"
    assert (await marker.commit(desk.world)).exit_code == 0


async def test_what_was_committed_meanwhile_is_not_held(desk: Desk) -> None:
    await happenings.commit_it(desk.world)

    said = await desk.act(f"hold-upgrade@{MGMT}")

    assert (said.exit_code, "it was committed meanwhile" in said.stdout) == (1, True)


async def test_the_end_is_recorded_only_over_a_hold(desk: Desk) -> None:
    assert (await desk.act(f"record-end@{MGMT}")).exit_code == 1
    await does(desk, "hold-upgrade", MGMT)

    await does(desk, "record-end", MGMT, MGMT)

    assert "the upgrade is rolled-back" in (await marker.commit(desk.world)).stderr


# Stopping, and starting again.


async def test_an_abort_starts_what_was_stopped_and_nothing_else(desk: Desk) -> None:
    off = layout.unit("horizon")
    await desk.do(FIRST, f"systemctl stop {off}")
    before = running(desk, FIRST)
    await does(desk, "note-running", FIRST)
    await does(desk, "stop-apis", FIRST)
    assert layout.unit("nova-conductor") in running(desk, FIRST), "the workers come second"
    await seen(desk, "stop-apis", FIRST)
    await does(desk, "stop-workers", FIRST)
    await seen(desk, "stop-workers", FIRST)
    assert not any(name.startswith("openstack-") for name in running(desk, FIRST)), "also what only Ocata has"

    for step in ("stop-workers", "stop-apis"):
        await does(desk, step, FIRST, undo=True)

    assert running(desk, FIRST) == before


async def test_a_container_without_its_unit_is_seen(desk: Desk) -> None:
    await does(desk, "stop-workers", FIRST)
    await desk.do(FIRST, "docker start nova-conductor")
    units.change(desk.machine(FIRST), layout.unit("nova-conductor"), active="inactive", daemon=None)

    assert await desk.verify(f"stop-workers@{FIRST}") == (False, "the container nova-conductor end")


async def test_the_door_closes_and_opens(desk: Desk) -> None:
    await does(desk, "close-door", FIRST, FIRST)
    assert await seen(desk, "close-door", FIRST) == "503"
    await does(desk, "close-door", FIRST, undo=True)
    assert (await desk.verify(f"close-door@{FIRST}"))[1] == "200"
    await does(desk, "close-door", FIRST)

    await does(desk, "open-door", FIRST, FIRST)

    assert await seen(desk, "open-door", FIRST) == "200"


# Galera: who may begin.


async def told(desk: Desk) -> dict[str, str]:
    """What each member tells when the newest is chosen; where one says no, its words."""
    answers = {}
    for unit in desk.plan.step("galera-first").units:
        assert unit.elect is not None
        answers[unit.host] = (await desk.holds(unit.host, unit.elect))[1]
    return answers


async def test_the_newest_member_begins_and_the_others_take_what_it_has(desk: Desk) -> None:
    await happenings.all_members_down(desk.world)
    saved = {name: galera.datadir(desk.machine(name)).grastate()["seqno"] for name in CONTROLLERS}
    assert saved[SECOND] == "-1", "it crashed: its position has to be recovered"
    await does(desk, "galera-positions", *CONTROLLERS, *CONTROLLERS)
    answers = await told(desk)
    assert max(answers, key=answers.__getitem__) != SECOND, "as texts, another one would be chosen"
    assert newest(answers) == SECOND

    await does(desk, "galera-first", SECOND)
    await does(desk, "galera-join", *CONTROLLERS)

    assert [await seen(desk, "galera-whole", name) for name in CONTROLLERS] == ["Primary Synced ON 3"] * 3
    assert desk.machine(SECOND).read(galera_box.ENVIRONMENT) == "", "no start begins a cluster by accident"
    query = f"SELECT id FROM cinder.volumes WHERE id LIKE '{NEWEST}%'"
    here = await desk.do(FIRST, f'docker exec galera mysql -NBe "{query}"')
    assert len(here.splitlines()) == 8


async def test_a_living_primary_outbids_every_position_and_nothing_is_begun(desk: Desk) -> None:
    await desk.do(THIRD, "systemctl stop galera")
    await does(desk, "galera-positions", *CONTROLLERS)
    chosen = newest(await told(desk))
    assert chosen == FIRST
    before = galera.status(desk.machine(FIRST))["wsrep_cluster_state_uuid"]

    said = await desk.act(f"galera-first@{chosen}")

    assert "nothing is begun" in said.stdout
    await does(desk, "galera-join", *CONTROLLERS)
    assert {galera.status(desk.machine(n))["wsrep_cluster_state_uuid"] for n in CONTROLLERS} == {before}


async def test_a_member_that_was_started_meanwhile_is_seen(desk: Desk) -> None:
    """Its position was noted while it was down; somebody was quicker. A second primary would be split brain."""
    await happenings.all_members_down(desk.world)
    await does(desk, "galera-positions", *CONTROLLERS)
    await _begun_by_hand(desk, FIRST)

    chosen = newest(await told(desk))

    assert chosen == FIRST
    assert "nothing is begun" in (await desk.act(f"galera-first@{chosen}")).stdout


async def _begun_by_hand(desk: Desk, host: str) -> None:
    await desk.do(
        host,
        "set -e; sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat; "
        f"echo BOOTSTRAP_ARGS=--wsrep-new-cluster >{galera_box.ENVIRONMENT}; systemctl start galera; "
        f"rm {galera_box.ENVIRONMENT}",
    )


async def test_two_histories_stop_it_until_galera_was_brought_up_by_hand(desk: Desk) -> None:
    await happenings.two_histories(desk.world)
    await does(desk, "galera-positions", *CONTROLLERS)
    with pytest.raises(RefusedError, match="the histories differ"):
        newest(await told(desk))

    await _begun_by_hand(desk, THIRD)
    await desk.do(SECOND, "mv /var/lib/mysql /var/lib/mysql.other; mkdir /var/lib/mysql")
    for name in (FIRST, SECOND):
        await desk.do(name, "systemctl start galera")

    assert newest(await told(desk)) in CONTROLLERS
    await seen(desk, "galera-whole", SECOND)


_NO_STATE = "s/^uuid:.*/uuid:    00000000-0000-0000-0000-000000000000/; s/^seqno:.*/seqno:   0/"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rm -r /var/lib/mysql/*", "grastate.dat"),
        (f"sed -i '{_NO_STATE}' /var/lib/mysql/grastate.dat", "no position is known here: '00000000-"),
    ],
)
async def test_a_member_without_a_position_is_no_candidate(desk: Desk, line: str, words: str) -> None:
    await desk.do(SECOND, f"set -e; systemctl stop galera; {line}")

    said = await desk.act(f"galera-positions@{SECOND}")

    assert said.exit_code != 0
    assert words in said.stdout + said.stderr


async def test_prepared_transactions_are_a_person_s(desk: Desk) -> None:
    galera.crash(desk.machine(SECOND), prepared=2)

    said = await desk.act(f"galera-positions@{SECOND}")

    assert said.exit_code != 0


async def test_a_member_in_no_primary_component_is_not_taken_for_one(desk: Desk) -> None:
    for name in (FIRST, THIRD):
        galera.crash(desk.machine(name))

    said = await desk.act(f"galera-positions@{SECOND}")

    assert (said.exit_code, "in no primary component" in said.stdout) == (1, True)


# The databases.


async def test_what_was_written_is_listed_by_name_and_nothing_secret(desk: Desk) -> None:
    said = await seen(desk, "written-since", FIRST)

    assert "cinder.volumes\tlate-volume-id\tlate-volume" in said
    assert "late-network" in said
    assert "disk of web-1" not in said


async def test_g11_a_dump_that_is_only_loaded_leaves_the_new_databases(desk: Desk) -> None:
    await desk.do(FIRST, f"zcat {upgrade.DUMP} | docker exec -i galera mysql")

    held, said = await desk.verify(f"restore@{FIRST}")

    assert not held
    assert "new: nova_cell0.instances" in said


async def test_the_restore_may_be_done_twice_and_is_seen(desk: Desk) -> None:
    unit = desk.plan.unit(f"restore@{FIRST}")
    assert unit.probe is not None
    assert not (await desk.holds(FIRST, unit.probe))[0]

    await does(desk, "restore", FIRST, FIRST)

    assert (await desk.holds(FIRST, unit.probe))[0]
    await seen(desk, "restore", FIRST)
    await seen(desk, "same-schema", FIRST)
    data = {dump.content_hash(galera.datadir(desk.machine(name))) for name in CONTROLLERS}
    assert data == {desk.world.known["data"]}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM glance.images WHERE name = 'cirros'", "glance.images: 1 rows, were 2"),
        ("DROP TABLE neutron.ports", "missing: neutron.ports"),
        ("CREATE TABLE heat_leftovers (id int)", "new: keystone.heat_leftovers"),
    ],
)
async def test_a_restore_that_is_not_whole_is_seen(desk: Desk, sql: str, words: str) -> None:
    await does(desk, "restore", FIRST)
    await upgrade.sql(desk.world, f"USE keystone; {sql};")

    held, said = await desk.verify(f"restore@{FIRST}")

    assert (held, words in said) == (False, True)


async def test_another_schema_with_the_same_rows_is_seen(desk: Desk) -> None:
    await does(desk, "restore", FIRST)
    await upgrade.sql(desk.world, "ALTER TABLE nova.instances ADD COLUMN hidden int;")

    assert (await desk.verify(f"restore@{FIRST}"))[0], "the rows are the same"
    assert not (await desk.verify(f"same-schema@{FIRST}"))[0]
    unit = desk.plan.unit(f"restore@{FIRST}")
    assert unit.probe is not None
    assert not (await desk.holds(FIRST, unit.probe))[0]


async def test_a_dump_that_changed_after_the_approvals_destroys_nothing(desk: Desk) -> None:
    before = dump.content_hash(galera.datadir(desk.machine(FIRST)))
    await happenings.spoil_dump(desk.world)

    said = await desk.act(f"restore@{FIRST}")

    assert said.exit_code != 0
    assert dump.content_hash(galera.datadir(desk.machine(FIRST))) == before


async def test_a_dump_that_ends_early_is_a_failure(desk: Desk) -> None:
    """Its checksum was recorded like that: what unpacks it fails, and not only what loads it counts."""
    await desk.do(FIRST, f"truncate -s -20 {upgrade.DUMP}")
    sha256 = (await desk.do(FIRST, f"sha256sum {upgrade.DUMP}")).split()[0]
    short = replace(desk.ledger.snapshots["database"], sha256=sha256)
    other = Desk(desk.world, desk.resolve(snapshots={**desk.ledger.snapshots, "database": short}))

    assert (await other.act(f"restore@{FIRST}")).exit_code != 0


async def test_evidence_is_never_overwritten(desk: Desk) -> None:
    await does(desk, "evidence", FIRST)
    await seen(desk, "evidence", FIRST)
    assert "late-volume" in await desk.do(FIRST, f"zcat {EVIDENCE}")
    await does(desk, "restore", FIRST)

    await does(desk, "evidence", FIRST)

    kept = (await desk.do(FIRST, f"ls {EVIDENCE.removesuffix('.sql.gz')}*.sql.gz")).split()
    texts = [await desk.do(FIRST, f"zcat {path}") for path in kept]
    assert sorted("late-volume" in text for text in texts) == [False, True]


# Configuration, RabbitMQ, the old services.


async def test_the_configuration_comes_back_whole_with_its_keys(desk: Desk) -> None:
    await desk.do(FIRST, f"echo mine >{layout.CONFIG}/galera/my.cnf")

    await does(desk, "old-config", FIRST, FIRST)

    await seen(desk, "old-config", FIRST)
    one = desk.machine(FIRST)
    assert one.read(f"{layout.CONFIG}/keystone/fernet-keys/1") == "the key of newton\n"
    assert one.read(f"{layout.CONFIG}/galera/my.cnf") == "mine\n", "Galera's stays"
    assert layout.NEW_SERVICE not in await desk.do(FIRST, f"ls -a {layout.CONFIG}")
    assert "the key of ocata" in await desk.do(FIRST, f"cat {layout.KEPT}/after.*/keystone/fernet-keys/1")


async def test_rabbitmq_that_is_the_recorded_one_is_restarted(desk: Desk) -> None:
    await does(desk, "note-rabbit", *CONTROLLERS)
    assert {await seen(desk, "note-rabbit", name) for name in CONTROLLERS} == {"restart"}
    for step in ("rabbit-stop", "rabbit-wipe", "rabbit-start"):
        await does(desk, step, *CONTROLLERS)
        for name in CONTROLLERS:
            await seen(desk, step, name)

    assert await seen(desk, "rabbit-whole", FIRST) == "partitions: (none)"
    assert not list(desk.world.hosts[FIRST].path("/var/lib/rabbitmq").glob("mnesia.*"))


async def test_rabbitmq_with_new_flags_is_made_anew(desk: Desk) -> None:
    await upgrade.move_rabbit(desk.world)
    await does(desk, "note-rabbit", *CONTROLLERS)
    assert {await seen(desk, "note-rabbit", name) for name in CONTROLLERS} == {"rebuild"}
    await does(desk, "old-config", *CONTROLLERS)
    for step in ("rabbit-stop", "rabbit-wipe", "rabbit-start"):
        for name in CONTROLLERS:
            await does(desk, step, name, *([name] if step == "rabbit-start" else []))
            await seen(desk, step, name)

    for name in CONTROLLERS:
        await seen(desk, "rabbit-whole", name)


async def test_one_upgraded_node_of_rabbitmq_moves_them_all(desk: Desk) -> None:
    """They have to agree on it: a node that is made anew does not fit into a cluster that knows it."""
    with desk.machine(FIRST).shared("rabbitmq") as state:
        state["nodes"][THIRD]["version"] = layout.NEW_RABBIT

    await does(desk, "note-rabbit", *CONTROLLERS)

    assert {await seen(desk, "note-rabbit", name) for name in CONTROLLERS} == {"rebuild"}


async def test_a_silent_rabbitmq_is_not_taken_for_the_old_one(desk: Desk) -> None:
    await desk.do(SECOND, "systemctl stop rabbitmq")

    assert (await desk.act(f"note-rabbit@{SECOND}")).exit_code != 0


async def test_what_is_new_is_taken_away_with_its_front_end(desk: Desk) -> None:
    for step in ("stop-apis", "stop-workers", "old-config", "haproxy-back", "remove-new"):
        await does(desk, step, SECOND)
    await seen(desk, "haproxy-back", SECOND)
    await does(desk, "remove-new", SECOND)
    await seen(desk, "remove-new", SECOND)

    said = await desk.do(SECOND, "docker ps -a --format '{{.Names}}'; ss -l -n -t")
    assert layout.NEW_SERVICE not in said
    assert str(layout.NEW_PORT) not in said
    assert desk.machine(SECOND).state("units").read()[layout.unit(layout.NEW_SERVICE)]["enabled"] == "disabled"


async def test_an_old_service_runs_from_the_recorded_image_or_not_at_all(desk: Desk) -> None:
    key = f"start-services@{FIRST}[{layout.unit('nova-api')}]"
    for step in ("stop-apis", "stop-workers", "old-config"):
        await does(desk, step, FIRST)
    assert (await desk.act(key)).exit_code == 0
    assert (await desk.act(key)).exit_code == 0
    assert await desk.verify(key) == (True, "runs from the recorded image")

    one = desk.machine(FIRST)
    tag = f"{layout.REGISTRY}/nova-api:newton"
    containers.publish(one, tag, containers.digest_of("a later build"), release="newton")
    one.write(layout.environment("nova-api"), f"IMAGE={tag}\n")
    await desk.do(FIRST, f"docker pull {tag}")
    assert (await desk.act(key)).exit_code == 0

    held, said = await desk.verify(key)
    assert (held, "runs from another image" in said) == (False, True)
