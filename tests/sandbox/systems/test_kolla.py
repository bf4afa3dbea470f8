"""The ways back of a Kolla upgrade, asked on the practice cloud: gates crossed, holes tried, bad input refused."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from core.errors import BelayError, RefusedError
from core.ledger import Upgrade
from core.lint import lint
from core.pnr import Verdict
from core.resolve import resolve
from core.target import Target
from sandbox.systems.kolla import layout
from sandbox.systems.kolla.furnish import PASSWORD
from sandbox.systems.kolla.happenings import another_backup, behind, history_of_its_own, lost_the_old_tools
from sandbox.systems.kolla.system import SYSTEM
from sandbox.systems.kolla.upgrade import LATE_SERVER
from sandbox.systems.tools import containers, dump, galera
from store.config_files import build_targets
from tests.needs import own_view
from tests.sandbox.systems.desk import as_it_was
from tests.sandbox.systems.kolla_world import DEPLOY, FIRST, SECOND, THIRD, KollaDesk, desk_at, shipped

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

RESTORE, OLD_IMAGES = "kolla-upgrade", "kolla-old-images"
Event = Callable[[KollaDesk], Awaitable[object]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def old(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[KollaDesk]:
    """An upgrade that failed before keystone's contract, and the plan for it."""
    home: Path = tmp_path_factory.mktemp("kolla") / "world"
    async with desk_at(home, "C2", OLD_IMAGES, RESTORE) as desk:
        yield desk


@pytest.fixture(scope="module")
def restore(old: KollaDesk) -> KollaDesk:
    return old.on(RESTORE)


@pytest.mark.parametrize("name", ["kolla-update", OLD_IMAGES, RESTORE])
async def test_the_linter_finds_nothing(name: str) -> None:
    assert lint(shipped(name)) == ()


async def test_what_stops_or_destroys_is_guarded_by_every_point() -> None:
    for name in (OLD_IMAGES, RESTORE):
        plan = shipped(name)
        points = {point.id for point in plan.points_of_no_return}
        steps = {step.id: step for step in plan.steps}
        assert set(steps["stop-services"].guard) == set(steps["recover-galera"].guard) == points
        order = list(steps)
        assert order.index("pull-images") < order.index("stop-services"), (
            "what cannot be had ends it before anything stops"
        )
        assert order.index("stop-database") < order.index("galera-positions") < order.index("recover-galera")


async def test_before_a_contract_everything_is_reversible(old: KollaDesk, restore: KollaDesk) -> None:
    for desk in (old, restore):
        assert {verdict for verdict, _ in (await desk.verdicts()).values()} == {Verdict.REVERSIBLE}
    for check in old.plan.preflight:
        held, said = await old.holds(check.host, check.look)
        assert held, f"{check.id} on {check.host}: {said}"


# Each point of no return, by its event.


def writes(statement: str) -> Event:
    return lambda desk: desk.sql(statement)


def heads(service: str, stage: int) -> Event:
    values = ",".join(f"('{one}')" for one in layout.HEADS[service][stage])
    return writes(f"DELETE FROM {service}.alembic_version; INSERT INTO {service}.alembic_version VALUES {values}")


async def _another_major(desk: KollaDesk) -> None:
    with desk.machine(FIRST).shared("galera") as cluster:
        cluster["members"][THIRD]["engine"] = "11.4.2-MariaDB"


def on_deploy(line: str) -> Event:
    return lambda desk: desk.do(DEPLOY, line)


CROSSINGS = {
    "keystone's contract": (OLD_IMAGES, "keystone-contracted", heads("keystone", 2), "its contract left c1a3c5b7d9f0"),
    "neutron's contract": (OLD_IMAGES, "neutron-contracted", heads("neutron", 2), "its contract left c5f7a9b1c3d4"),
    "glance's contract": (OLD_IMAGES, "glance-contracted", heads("glance", 2), "glance is at 2025_2_contract01"),
    "a new nova": (
        OLD_IMAGES,
        "nova-data-moved",
        writes("UPDATE nova.services SET version = 69 WHERE id = 1"),
        "as version 69",
    ),
    "a new cinder": (
        OLD_IMAGES,
        "cinder-data-moved",
        writes("UPDATE cinder.services SET version = 100"),
        "as version 100",
    ),
    "another MariaDB on one member": (OLD_IMAGES, "mariadb-major-moved", _another_major, "MariaDB is 11.4.2-MariaDB"),
    "another backup": (RESTORE, "backup-lost", lambda desk: another_backup(desk.world), "is not what was recorded"),
    "no backup": (
        RESTORE,
        "backup-lost",
        lambda d: d.do(FIRST, "rm -r /var/lib/docker/volumes/mariadb_backup/_data/full-*"),
        "there is no",
    ),
    "no old configuration": (
        RESTORE,
        "toolchain-lost",
        lambda d: lost_the_old_tools(d.world),
        "there is no /etc/kolla-old/globals.yml",
    ),
    "another password": (
        OLD_IMAGES,
        "toolchain-lost",
        on_deploy("echo new: x >>/etc/kolla-old/passwords.yml"),
        "not the configuration",
    ),
}


@pytest.mark.parametrize("event", CROSSINGS)
async def test_each_event_crosses_its_point_of_no_return(old: KollaDesk, restore: KollaDesk, event: str) -> None:
    plan, point, happens, words = CROSSINGS[event]
    desk = old if plan == OLD_IMAGES else restore
    async with as_it_was(desk):
        await happens(desk)
        verdict, found = (await desk.verdicts(point))[point]

    assert verdict is Verdict.CROSSED
    assert words in found


@pytest.mark.parametrize("service", ["keystone", "glance", "neutron"])
async def test_an_expanded_database_is_reversible(old: KollaDesk, service: str) -> None:
    async with as_it_was(old):
        await heads(service, 1)(old)
        assert (await old.verdicts(f"{service}-contracted"))[f"{service}-contracted"][0] is Verdict.REVERSIBLE


@pytest.mark.parametrize(
    ("point", "happens"),
    [
        ("keystone-contracted", lambda d: d.do(SECOND, "docker stop mariadb")),
        ("glance-contracted", writes("UPDATE glance.alembic_version SET version_num = 'mitaka01'")),
        ("nova-data-moved", writes("UPDATE nova.services SET version = NULL")),
        ("keystone-contracted", writes("DELETE FROM keystone.alembic_version")),
    ],
)
async def test_silence_is_unknown(old: KollaDesk, point: str, happens: Event) -> None:
    async with as_it_was(old):
        await happens(old)
        assert (await old.verdicts(point))[point][0] is Verdict.UNKNOWN


async def test_a_backup_on_another_host_is_unknown(restore: KollaDesk) -> None:
    kept = replace(restore.ledger.snapshots["backup"], host=SECOND)
    desk = KollaDesk(restore.world, restore.resolve(snapshots={"backup": kept}), RESTORE)
    assert (await desk.verdicts("backup-lost"))["backup-lost"][0] is Verdict.UNKNOWN


async def test_a_mariadb_this_run_has_stopped_still_answers_for_itself(old: KollaDesk) -> None:
    """But only as long as nobody has started it since."""
    async with as_it_was(old):
        for host in layout.CONTROLLERS:
            await old.do(host, "mkdir -p /run/belay-kolla")
            assert (await old.act(f"note-gates@{host}")).exit_code == 0
            await old.do(host, "docker stop mariadb")
        assert (await old.verdicts("keystone-contracted"))["keystone-contracted"][0] is Verdict.REVERSIBLE

        with old.machine(SECOND).state("containers") as state:
            state["containers"]["mariadb"]["since"] += 60

        verdict, found = (await old.verdicts("keystone-contracted"))["keystone-contracted"]
    assert (verdict, found.partition(":")[0]) == (Verdict.UNKNOWN, SECOND)


# The restoring plan names the one that loses nothing.


async def test_the_restore_points_to_the_old_images_while_they_would_do(restore: KollaDesk) -> None:
    held, said = await restore.check("nothing-less")
    assert not held
    assert "The plan kolla-old-images goes back and loses nothing" in said

    async with as_it_was(restore):
        await heads("keystone", 2)(restore)
        assert await restore.check("nothing-less") == (True, "closed: contracted, or not recorded, are keystone")


async def test_people_may_restore_all_the_same(restore: KollaDesk) -> None:
    given = resolve(shipped(RESTORE), build(restore), restore.ledger, {"restore-anyway": "yes"})
    assert (await KollaDesk(restore.world, given, RESTORE).check("nothing-less"))[0]


def build(desk: KollaDesk) -> Target:
    return build_targets(yaml.safe_load(desk.world.targets_yaml()))[SYSTEM.target]


async def _keys(desk: KollaDesk) -> None:
    for number in range(3):
        await desk.do(FIRST, f"echo rotated {number} >/var/lib/docker/volumes/keystone_fernet_tokens/_data/{number}")


async def _workload(desk: KollaDesk) -> None:
    with desk.machine("compute-1").state("libvirt") as libvirt:
        libvirt["domains"]["web-1"]["state"] = "shut off"


async def _image(desk: KollaDesk) -> None:
    with desk.machine(FIRST).state("containers") as state:
        del state["images"][containers.digest_of("keystone of 2025.1")]


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("canary-answers", _workload),
        ("images-here", _image),
        ("fernet-keys-kept", _keys),
        ("releases", lambda d: d.do(DEPLOY, "echo 'openstack_release: \"2024.2\"' >/etc/kolla-old/globals.yml")),
    ],
)
async def test_preflight_sees(restore: KollaDesk, name: str, happens: Event) -> None:
    for check in restore.plan.preflight:
        if check.id == name:
            assert (await restore.holds(check.host, check.look))[0]
    async with as_it_was(restore):
        await happens(restore)
        assert not (await restore.check(name))[0]


# Galera: the furthest member, compared as numbers; one history; never a second cluster.


async def _positions(desk: KollaDesk) -> None:
    await desk.do(
        DEPLOY,
        f"{layout.virtual_environment(layout.DESTINATION)}/bin/kolla-ansible stop -t mariadb "
        "--yes-i-really-really-mean-it -i /etc/kolla/inventory",
    )
    for host in layout.CONTROLLERS:
        await desk.do(host, "mkdir -p /run/belay-kolla")


async def _ask_all(desk: KollaDesk) -> None:
    for host in layout.CONTROLLERS:
        said = await desk.act(f"galera-positions@{host}")
        assert said.exit_code == 0, said


async def test_the_highest_number_is_chosen_not_the_last_word(old: KollaDesk) -> None:
    numbers = {FIRST: 9_007_199_254_740_993, SECOND: 9_007_199_254_740_992, THIRD: 999}
    async with as_it_was(old):
        await _positions(old)
        await behind(numbers)(old.world)
        await _ask_all(old)
        said = await old.act(f"recover-galera@{DEPLOY}")

        assert said.exit_code == 0, said
        assert f"Galera begins at {FIRST}" in said.stdout
        assert await old.verify(f"recover-galera@{DEPLOY}") == (True, "every member runs")
        assert [galera.status(old.machine(host))["wsrep_cluster_size"] for host in layout.CONTROLLERS] == ["3"] * 3


async def test_two_histories_stop_it(old: KollaDesk) -> None:
    async with as_it_was(old):
        await _positions(old)
        await history_of_its_own(THIRD)(old.world)
        await _ask_all(old)
        said = await old.act(f"recover-galera@{DEPLOY}")

        assert said.exit_code == 1
        assert "the members have different histories" in said.stdout
        assert not any(galera.status(old.machine(host)) for host in layout.CONTROLLERS)


async def test_prepared_transactions_stop_it(old: KollaDesk) -> None:
    async with as_it_was(old):
        await _positions(old)
        await behind({SECOND: 90})(old.world)
        galera.datadir(old.machine(SECOND)).set_position(prepared=2)
        said = await old.act(f"galera-positions@{SECOND}")

    assert said.exit_code == 1
    assert "Found 2 prepared transactions" in said.stdout


async def test_a_member_that_cannot_be_reached_may_be_the_furthest(old: KollaDesk) -> None:
    async with as_it_was(old):
        await _positions(old)
        await _ask_all(old)
        with old.machine(DEPLOY).shared("kolla") as about:
            about["unreachable"] = [THIRD]
        said = await old.act(f"recover-galera@{DEPLOY}")

    assert said.exit_code != 0
    assert "Galera begins" not in said.stdout


async def test_no_second_cluster_is_begun_beside_a_living_one(old: KollaDesk) -> None:
    async with as_it_was(old):
        await _positions(old)
        await _ask_all(old)
        await old.act(f"recover-galera@{DEPLOY}")
        await old.do(THIRD, "docker stop mariadb")
        calls = len(old.machine(DEPLOY).calls("kolla-ansible", "mariadb-recovery"))

        said = await old.act(f"recover-galera@{DEPLOY}")

        assert len(old.machine(DEPLOY).calls("kolla-ansible", "mariadb-recovery")) == calls
        assert "no second cluster is begun" in said.stdout
        assert not (await old.verify(f"recover-galera@{DEPLOY}"))[0]


async def test_the_tool_alone_would_undo_the_restore(restore: KollaDesk) -> None:
    """Why the others' data is moved aside: kolla-ansible takes whoever is furthest, and that is never the backup."""
    async with as_it_was(restore):
        await _positions(restore)
        await behind({FIRST: 50})(restore.world)
        await restore.do(DEPLOY, "/opt/kolla-old/bin/kolla-ansible mariadb-recovery -i /etc/kolla-old/inventory")
        begun = galera.datadir(restore.machine(FIRST)).position()["seqno"]
    assert begun > 50


async def test_the_restore_never_deletes_what_was_not_moved_aside(restore: KollaDesk) -> None:
    async with as_it_was(restore):
        await _positions(restore)
        before = galera.datadir(restore.machine(FIRST)).databases()
        said = await restore.act(f"restore@{FIRST}")
        after = galera.datadir(restore.machine(FIRST)).databases()

    assert said.exit_code == 1
    assert "was not moved aside" in said.stdout
    assert before == after


async def test_after_a_restore_nobody_but_its_host_may_begin(restore: KollaDesk) -> None:
    """And it may although its position is not known; anybody else who has data would be further than the backup."""
    none = "00000000-0000-0000-0000-000000000000:-1"
    async with as_it_was(restore):
        await _positions(restore)
        await _ask_all(restore)
        said = await restore.act(f"recover-galera@{DEPLOY}")
        assert said.exit_code == 1
        assert f"these have data too: {SECOND} {THIRD}" in said.stdout

        for host in layout.CONTROLLERS:
            await restore.do(host, f"echo {none} >/run/belay-kolla/galera-position")
        said = await restore.act(f"recover-galera@{DEPLOY}")
        assert said.exit_code == 0, said
        assert f"Galera begins at {FIRST}" in said.stdout
        assert (await restore.verify(f"galera-synced@{THIRD}"))[0]


async def test_a_galera_of_two_is_not_whole(restore: KollaDesk) -> None:
    async with as_it_was(restore):
        assert await restore.verify(f"galera-synced@{FIRST}") == (True, "Primary Synced ON ON 3 of 3")
        await restore.do(THIRD, "docker stop mariadb")
        assert await restore.verify(f"galera-synced@{FIRST}") == (False, "Primary Synced ON ON 2 of 3")


async def test_data_is_moved_aside_once_and_comes_back(restore: KollaDesk) -> None:
    key = f"set-data-aside@{SECOND}"
    data = galera.datadir(restore.machine(SECOND))
    async with as_it_was(restore):
        running = await restore.act(key)
        assert (running.exit_code, running.stdout.strip()) == (1, "MariaDB runs here")
        await _positions(restore)
        for _ in range(2):  # as after an outcome that was not seen
            assert (await restore.act(key)).exit_code == 0
        assert await restore.verify(key) == (True, "aside")
        assert data.empty

        for _ in range(2):
            assert (await restore.act(key, undo=True)).exit_code == 0
        assert "keystone" in data.databases()


async def test_the_restore_done_twice_is_the_backup(restore: KollaDesk) -> None:
    """As after a link that dropped in its middle; Galera then begins there, and users have what they had."""
    async with as_it_was(restore):
        await _positions(restore)
        for host in layout.CONTROLLERS:
            assert (await restore.act(f"set-data-aside@{host}")).exit_code == 0
        for _ in range(2):
            said = await restore.act(f"restore@{FIRST}")
            assert said.exit_code == 0, said
        assert await restore.verify(f"restore@{FIRST}") == (True, "restored")

        await _ask_all(restore)
        said = await restore.act(f"recover-galera@{DEPLOY}")
        assert said.exit_code == 0, said
        for host in layout.CONTROLLERS:
            assert dump.content_hash(galera.datadir(restore.machine(host))) == restore.world.known["before"]
        assert (await restore.verify(f"heads-back@{FIRST}"))[0]
        assert (await restore.verify(f"schema-back@{FIRST}"))[0]


async def test_what_is_lost_is_listed(restore: KollaDesk) -> None:
    held, said = await restore.verify(f"written-since@{FIRST}")
    assert held
    assert {"late-volume", "late-server"} <= {line.split("\t")[-1] for line in said.splitlines()}
    assert "web-1" not in said


async def test_a_machine_no_database_knows_is_listed(restore: KollaDesk) -> None:
    key = f"orphans@{DEPLOY}"
    assert await restore.verify(key) == (True, "end of the list")
    async with as_it_was(restore):
        await restore.sql(f"DELETE FROM nova.instances WHERE uuid = '{LATE_SERVER}'")
        held, said = await restore.verify(key)
    assert held
    assert said.splitlines() == [f"orphan on compute-2: {LATE_SERVER}", "end of the list"]


# RabbitMQ: one word for all.


async def _note_flags(desk: KollaDesk) -> tuple[bool, str]:
    assert (await desk.act(f"note-flags@{DEPLOY}")).exit_code == 0
    return await desk.verify(f"note-flags@{DEPLOY}")


async def test_rabbitmq_keeps_its_data_where_no_flag_moved(old: KollaDesk) -> None:
    async with as_it_was(old):
        assert await _note_flags(old) == (True, "same")
        assert (await old.act(f"rebuild-rabbitmq@{SECOND}")).exit_code == 0
        assert await old.verify(f"rebuild-rabbitmq@{SECOND}") == (True, "as wanted: kept")
        assert containers.running(old.machine(SECOND), "rabbitmq")


async def _a_flag(desk: KollaDesk) -> None:
    with desk.machine(FIRST).shared("rabbitmq") as state:
        for cluster in state["clusters"].values():
            cluster["flags"].append("khepri_db")
        state["flags_of"]["4.0"] = [*layout.FLAGS["4.1"]]


@pytest.mark.parametrize("happens", [_a_flag, lambda d: d.do(THIRD, "docker stop rabbitmq")])
async def test_rabbitmq_is_emptied_on_every_node_or_none(old: KollaDesk, happens: Event) -> None:
    async with as_it_was(old):
        await happens(old)
        assert await _note_flags(old) == (True, "moved")
        for host in layout.CONTROLLERS:
            assert (await old.act(f"rebuild-rabbitmq@{host}")).exit_code == 0
            assert await old.verify(f"rebuild-rabbitmq@{host}") == (True, "as wanted: emptied")


# Images: by digest, and those of the data path are left alone.


async def test_tags_name_what_was_recorded_and_what_carries_names_what_runs(old: KollaDesk) -> None:
    key, host = "name-images@compute-1", old.machine("compute-1")
    async with as_it_was(old):
        with host.state("containers") as state:
            state["containers"]["nova_libvirt"]["image"] = containers.digest_of("a newer libvirt")
            state["images"][containers.digest_of("a newer libvirt")] = {"names": [], "labels": {"release": "2025.2"}}
        await old.do("compute-1", "mkdir -p /run/belay-kolla")
        for _ in range(2):
            assert (await old.act(key)).exit_code == 0
        assert await old.verify(key) == (True, "named")
        tag = layout.image("nova_libvirt", layout.tag_of(layout.ORIGIN))
        assert containers.find_image(host.state("containers").read(), tag) == containers.digest_of("a newer libvirt")

        assert (await old.act(key, undo=True)).exit_code == 0

        assert containers.find_image(host.state("containers").read(), tag) == containers.digest_of(
            "nova_libvirt of 2025.1"
        )


async def test_the_old_db_sync_fails_on_the_new_schema(old: KollaDesk) -> None:
    """Why the old images get `genconfig` and `deploy-containers`, and never `deploy`."""
    line = "/opt/kolla-old/bin/kolla-ansible deploy -i /etc/kolla-old/inventory --configdir /etc/kolla-old -t keystone"
    async with as_it_was(old):
        said = await old.world.hosts[DEPLOY].ask(line)
    assert said.exit_code == 2
    assert "Can't locate revision identified by 'e2b4d6f8a0c1'" in said.stderr


async def test_a_touched_data_path_is_seen(old: KollaDesk) -> None:
    async with as_it_was(old):
        await old.do("compute-1", "mkdir -p /run/belay-kolla")
        assert (await old.act("note-data-path@compute-1")).exit_code == 0
        key = "data-path-untouched@compute-1"
        assert await old.verify(key) == (True, "untouched")
        await old.do("compute-1", "docker restart openvswitch_vswitchd")
        with old.machine("compute-1").state("containers") as state:
            state["containers"]["openvswitch_vswitchd"]["since"] += 60
        assert not (await old.verify(key))[0]


# Bad input is refused before anyone is asked.


async def test_a_backup_of_another_engine_is_refused(restore: KollaDesk) -> None:
    kept = replace(restore.ledger.snapshots["backup"], engine_version="11.4.2-MariaDB")
    with pytest.raises(RefusedError, match=r"has to be of the engine 10\.11"):
        restore.resolve(snapshots={"backup": kept})


async def test_a_backup_from_after_the_upgrade_is_refused(restore: KollaDesk) -> None:
    kept = restore.ledger.snapshots["backup"]
    with pytest.raises(RefusedError, match="not from before the upgrade"):
        restore.resolve(snapshots={"backup": replace(kept, taken_at=kept.taken_at + timedelta(days=1))})


async def test_no_backup_is_refused(restore: KollaDesk) -> None:
    with pytest.raises(RefusedError, match="restores the snapshot 'backup' and none is recorded"):
        restore.resolve(snapshots={})


@pytest.mark.parametrize("name", ["containers", "images", "heads", "contracts", "galera", "toolchain", "ovn-schema"])
async def test_a_missing_baseline_is_refused(old: KollaDesk, name: str) -> None:
    """Also one that only scripts go by: they would fail in the middle, with everything stopped."""
    facts = {fact: value for fact, value in old.ledger.baseline.items() if fact.partition("@")[0] != name}
    with pytest.raises(RefusedError, match=rf"{name}.*belay baseline"):
        old.resolve(baseline=facts)


async def test_a_baseline_one_host_lacks_is_refused(old: KollaDesk) -> None:
    facts = {fact: value for fact, value in old.ledger.baseline.items() if fact != "images@compute-2"}
    with pytest.raises(RefusedError, match=r"images.*belay baseline"):
        old.resolve(baseline=facts)


@pytest.mark.parametrize(
    ("origin", "destination"), [("epoxy", "2025.2"), ("2025.1", "2025.2; reboot"), ("2025.3", "2025.2")]
)
async def test_a_release_that_does_not_parse_is_refused(old: KollaDesk, origin: str, destination: str) -> None:
    began: Upgrade | None = old.ledger.upgrade
    assert began is not None
    plan = old.resolve(upgrade=replace(began, origin=origin, destination=destination))
    held, said = await KollaDesk(old.world, plan, OLD_IMAGES).check("releases")
    assert not held
    assert "is no release of OpenStack" in said


@pytest.mark.parametrize("role", ["deploy", "control", "database", "broker", "node", "backup"])
async def test_an_empty_role_is_refused(restore: KollaDesk, role: str) -> None:
    text = yaml.safe_load(restore.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"][role] = []
    with pytest.raises(BelayError, match=role):
        resolve(shipped(RESTORE), build_targets(text)[SYSTEM.target], restore.ledger)


async def test_a_host_twice_in_a_role_is_refused(old: KollaDesk) -> None:
    text = yaml.safe_load(old.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"]["database"].append(SECOND)
    with pytest.raises(BelayError, match=SECOND):
        build_targets(text)


@pytest.mark.parametrize(
    "value", ["keystone,nova; reboot", "", "keystone,", "keystone,openvswitch", "ovn", "mariadb,nova"]
)
async def test_stop_tags_that_are_no_tags_are_refused(old: KollaDesk, value: str) -> None:
    """Above all none: without tags everything would be stopped, libvirt too."""
    with pytest.raises(RefusedError, match="stop-tags"):
        resolve(shipped(OLD_IMAGES), build(old), old.ledger, {"stop-tags": value})


async def test_no_password_is_recorded(restore: KollaDesk) -> None:
    assert not [fact for fact, value in restore.ledger.baseline.items() if PASSWORD in value]
