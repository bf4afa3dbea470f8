"""The way back from Ocata: who may begin Galera, what is kept, what is restored, and how that is seen."""

from dataclasses import replace

import pytest

from core.election import newest
from core.errors import RefusedError
from sandbox.systems.containerised_openstack import happenings, layout, upgrade
from sandbox.systems.containerised_openstack.tools import galera_box
from sandbox.systems.containerised_openstack.truth import EVIDENCE, NEWEST
from sandbox.systems.tools import dump, galera
from tests.sandbox.systems.containerised_events import FIRST, SECOND, THIRD
from tests.sandbox.systems.containerised_steps import does, seen
from tests.sandbox.systems.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTROLLERS = layout.CONTROLLERS


# Galera: who may begin.


async def told(desk: Desk) -> dict[str, str]:
    """What each member tells when the newest is chosen; where one says no, its words."""
    answers = {}
    for unit in desk.plan.step("galera-first").units:
        assert unit.elect is not None
        answers[unit.host] = (await desk.holds(unit.host, unit.elect))[1]
    return answers


async def test_the_newest_member_begins_and_the_others_take_what_it_has(fresh: Desk) -> None:
    await happenings.all_members_down(fresh.world)
    saved = {name: galera.datadir(fresh.machine(name)).grastate()["seqno"] for name in CONTROLLERS}
    assert saved[SECOND] == "-1", "it crashed: its position has to be recovered"
    await does(fresh, "galera-positions", *CONTROLLERS, *CONTROLLERS)
    answers = await told(fresh)
    assert max(answers, key=answers.__getitem__) != SECOND, "as texts, another one would be chosen"
    assert newest(answers) == SECOND

    await does(fresh, "galera-first", SECOND)
    await does(fresh, "galera-join", *CONTROLLERS)

    assert [await seen(fresh, "galera-whole", name) for name in CONTROLLERS] == ["Primary Synced ON 3"] * 3
    assert fresh.machine(SECOND).read(galera_box.ENVIRONMENT) == "", "no start begins a cluster by accident"
    query = f"SELECT id FROM cinder.volumes WHERE id LIKE '{NEWEST}%'"
    here = await fresh.do(FIRST, f'docker exec galera mysql -NBe "{query}"')
    assert len(here.splitlines()) == 8


async def test_a_living_primary_outbids_every_position_and_nothing_is_begun(fresh: Desk) -> None:
    await fresh.do(THIRD, "systemctl stop galera")
    await does(fresh, "galera-positions", *CONTROLLERS)
    chosen = newest(await told(fresh))
    assert chosen == FIRST
    before = galera.status(fresh.machine(FIRST))["wsrep_cluster_state_uuid"]

    said = await fresh.act(f"galera-first@{chosen}")

    assert "nothing is begun" in said.stdout
    await does(fresh, "galera-join", *CONTROLLERS)
    assert {galera.status(fresh.machine(n))["wsrep_cluster_state_uuid"] for n in CONTROLLERS} == {before}


async def test_a_member_that_was_started_meanwhile_is_seen(fresh: Desk) -> None:
    """Its position was noted while it was down; somebody was quicker. A second primary would be split brain."""
    await happenings.all_members_down(fresh.world)
    await does(fresh, "galera-positions", *CONTROLLERS)
    await _begun_by_hand(fresh, FIRST)

    chosen = newest(await told(fresh))

    assert chosen == FIRST
    assert "nothing is begun" in (await fresh.act(f"galera-first@{chosen}")).stdout


async def _begun_by_hand(desk: Desk, host: str) -> None:
    await desk.do(
        host,
        "set -e; sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat; "
        f"echo BOOTSTRAP_ARGS=--wsrep-new-cluster >{galera_box.ENVIRONMENT}; systemctl start galera; "
        f"rm {galera_box.ENVIRONMENT}",
    )


async def test_two_histories_stop_it_until_galera_was_brought_up_by_hand(fresh: Desk) -> None:
    await happenings.two_histories(fresh.world)
    await does(fresh, "galera-positions", *CONTROLLERS)
    with pytest.raises(RefusedError, match="the histories differ"):
        newest(await told(fresh))

    await _begun_by_hand(fresh, THIRD)
    await fresh.do(SECOND, "mv /var/lib/mysql /var/lib/mysql.other; mkdir /var/lib/mysql")
    for name in (FIRST, SECOND):
        await fresh.do(name, "systemctl start galera")

    assert newest(await told(fresh)) in CONTROLLERS
    await seen(fresh, "galera-whole", SECOND)


_NO_STATE = "s/^uuid:.*/uuid:    00000000-0000-0000-0000-000000000000/; s/^seqno:.*/seqno:   0/"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rm -r /var/lib/mysql/*", "grastate.dat"),
        (f"sed -i '{_NO_STATE}' /var/lib/mysql/grastate.dat", "no position is known here: '00000000-"),
    ],
)
async def test_a_member_without_a_position_is_no_candidate(fresh: Desk, line: str, words: str) -> None:
    await fresh.do(SECOND, f"set -e; systemctl stop galera; {line}")

    said = await fresh.act(f"galera-positions@{SECOND}")

    assert said.exit_code != 0
    assert words in said.stdout + said.stderr


async def test_prepared_transactions_are_a_person_s(fresh: Desk) -> None:
    galera.crash(fresh.machine(SECOND), prepared=2)

    said = await fresh.act(f"galera-positions@{SECOND}")

    assert said.exit_code != 0


async def test_a_member_in_no_primary_component_is_not_taken_for_one(fresh: Desk) -> None:
    for name in (FIRST, THIRD):
        galera.crash(fresh.machine(name))

    said = await fresh.act(f"galera-positions@{SECOND}")

    assert (said.exit_code, "in no primary component" in said.stdout) == (1, True)


# The databases.


async def test_what_was_written_is_listed_by_name_and_nothing_secret(fresh: Desk) -> None:
    said = await seen(fresh, "written-since", FIRST)

    assert "cinder.volumes\tlate-volume-id\tlate-volume" in said
    assert "late-network" in said
    assert "disk of web-1" not in said


async def test_g11_a_dump_that_is_only_loaded_leaves_the_new_databases(fresh: Desk) -> None:
    await fresh.do(FIRST, f"zcat {upgrade.DUMP} | docker exec -i galera mysql")

    held, said = await fresh.verify(f"restore@{FIRST}")

    assert not held
    assert "new: nova_cell0.instances" in said


async def test_the_restore_may_be_done_twice_and_is_seen(fresh: Desk) -> None:
    unit = fresh.plan.unit(f"restore@{FIRST}")
    assert unit.probe is not None
    assert not (await fresh.holds(FIRST, unit.probe))[0]

    await does(fresh, "restore", FIRST, FIRST)

    assert (await fresh.holds(FIRST, unit.probe))[0]
    await seen(fresh, "restore", FIRST)
    await seen(fresh, "same-schema", FIRST)
    data = {dump.content_hash(galera.datadir(fresh.machine(name))) for name in CONTROLLERS}
    assert data == {fresh.world.known["data"]}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM glance.images WHERE name = 'cirros'", "glance.images: 1 rows, were 2"),
        ("DROP TABLE neutron.ports", "missing: neutron.ports"),
        ("CREATE TABLE heat_leftovers (id int)", "new: keystone.heat_leftovers"),
    ],
)
async def test_a_restore_that_is_not_whole_is_seen(fresh: Desk, sql: str, words: str) -> None:
    await does(fresh, "restore", FIRST)
    await upgrade.sql(fresh.world, f"USE keystone; {sql};")

    held, said = await fresh.verify(f"restore@{FIRST}")

    assert (held, words in said) == (False, True)


async def test_another_schema_with_the_same_rows_is_seen(fresh: Desk) -> None:
    await does(fresh, "restore", FIRST)
    await upgrade.sql(fresh.world, "ALTER TABLE nova.instances ADD COLUMN hidden int;")

    assert (await fresh.verify(f"restore@{FIRST}"))[0], "the rows are the same"
    assert not (await fresh.verify(f"same-schema@{FIRST}"))[0]
    unit = fresh.plan.unit(f"restore@{FIRST}")
    assert unit.probe is not None
    assert not (await fresh.holds(FIRST, unit.probe))[0]


async def test_a_dump_that_changed_after_the_approvals_destroys_nothing(fresh: Desk) -> None:
    before = dump.content_hash(galera.datadir(fresh.machine(FIRST)))
    await happenings.spoil_dump(fresh.world)

    said = await fresh.act(f"restore@{FIRST}")

    assert said.exit_code != 0
    assert dump.content_hash(galera.datadir(fresh.machine(FIRST))) == before


async def test_a_dump_that_ends_early_is_a_failure(fresh: Desk) -> None:
    """Its checksum was recorded like that: what unpacks it fails, and not only what loads it counts."""
    await fresh.do(FIRST, f"truncate -s -20 {upgrade.DUMP}")
    sha256 = (await fresh.do(FIRST, f"sha256sum {upgrade.DUMP}")).split()[0]
    short = replace(fresh.ledger.snapshots["database"], sha256=sha256)
    other = Desk(
        fresh.world,
        fresh.resolve(snapshots={**fresh.ledger.snapshots, "database": short}),
    )

    assert (await other.act(f"restore@{FIRST}")).exit_code != 0


async def test_evidence_of_an_earlier_run_does_not_count(fresh: Desk) -> None:
    await does(fresh, "note-running", FIRST)
    await does(fresh, "evidence", FIRST)
    await does(fresh, "note-running", FIRST)  # another run begins

    assert not (await fresh.verify(f"evidence@{FIRST}"))[0]


async def test_evidence_is_never_overwritten(fresh: Desk) -> None:
    await does(fresh, "note-running", FIRST)
    await does(fresh, "evidence", FIRST)
    await seen(fresh, "evidence", FIRST)
    assert "late-volume" in await fresh.do(FIRST, f"zcat {EVIDENCE}")
    await does(fresh, "restore", FIRST)

    await does(fresh, "evidence", FIRST)

    kept = (await fresh.do(FIRST, f"ls {EVIDENCE.removesuffix('.sql.gz')}*.sql.gz")).split()
    texts = [await fresh.do(FIRST, f"zcat {path}") for path in kept]
    assert sorted("late-volume" in text for text in texts) == [False, True]
