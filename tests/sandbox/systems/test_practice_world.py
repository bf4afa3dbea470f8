"""What the upgrade left, and how the tools on the hosts behave: real, and honest about failing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
import yaml

from core.ledger import Snapshot
from core.target import Host
from sandbox.hosts.host import PracticeHost
from sandbox.systems.practice import SYSTEM
from sandbox.systems.practice.machine.locks import locked
from sandbox.systems.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


def snapshot_of(world: World) -> Snapshot:
    return world.ledger.snapshots["database"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One world for all tests here: each leaves it as it found it."""
    async with World.broken(SYSTEM, SYSTEM.scenario("reversible"), tmp_path_factory.mktemp("world")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def closed(world: World) -> AsyncIterator[PracticeHost]:
    """The database's host, with the door closed and a copy of the snapshot as `dump.sql`."""
    database = world.in_role("controller")[0]
    await database.run(
        f"db door close && cp {world.ledger.snapshots['database'].place} $PRACTICE_ROOT/var/backups/dump.sql"
    )
    yield database
    await database.run("db door open")


@pytest_asyncio.fixture(loop_scope="module")
async def stopped(world: World) -> AsyncIterator[PracticeHost]:
    """A controller whose nova-api does not run."""
    host = world.in_role("controller")[1]
    await host.run("svc stop nova-api")
    yield host
    await host.run("svc start nova-api")


async def test_the_upgrade_left_it_broken(world: World) -> None:
    for finding in await world.truth():
        assert not finding.right
        assert finding.found.startswith("500 from ocata, ")
        assert "has no flavor" in finding.found
    assert await world.in_role("controller")[0].run("db schema-version") == "347"
    used = await world.in_role("controller")[1].run("http-get --field memory_mb /usage")
    assert used != world.ledger.baseline["memory-mb"]


async def test_while_the_door_is_closed_nobody_gets_in(world: World) -> None:
    database = world.in_role("controller")[0]
    assert await database.run("db door status") == "open"
    await database.run("db door close")

    said = await world.in_role("controller")[2].ask("http-get /usage")

    assert said.exit_code == 22
    assert "door is closed" in said.stderr
    assert await database.run("db door status") == "closed"
    await database.run("db door open")
    assert (await world.in_role("controller")[2].ask("http-get /usage")).exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "options", "expected"),
    [
        ("true", "--sha256 " + "0" * 64, (3, "expected 000")),
        ("echo '-- more' >> $PRACTICE_ROOT/var/backups/dump.sql", "--sha256 {sha256}", (3, "nothing was changed")),
        ("db door open", "--sha256 {sha256}", (4, "the door is open")),
        ("rm $PRACTICE_ROOT/var/backups/dump.sql", "--sha256 {sha256}", (2, "no such dump")),
        ("true", "", (2, "--sha256")),
    ],
    ids=["wrong checksum", "file changed", "door open", "no file", "no checksum given"],
)
async def test_a_restore_that_cannot_be_right_changes_nothing(
    world: World, closed: PracticeHost, spoil: str, options: str, expected: tuple[int, str]
) -> None:
    before = await closed.run("db checksum")
    await closed.run(spoil)

    said = await closed.ask(f"db restore dump.sql {options.format(sha256=world.ledger.snapshots['database'].sha256)}")

    status, says = expected
    assert said.exit_code == status, said
    assert says in said.stderr
    assert await closed.run("db checksum") == before


async def test_a_dump_cut_short_is_refused_even_with_its_own_checksum(closed: PracticeHost) -> None:
    await closed.run("cd $PRACTICE_ROOT/var/backups && head -c 5000 dump.sql > short.sql")
    short = closed.directory / "var" / "backups" / "short.sql"
    sha256 = hashlib.sha256(short.read_bytes()).hexdigest()

    said = await closed.ask(f"db restore short.sql --sha256 {sha256}")

    assert said.exit_code == 3
    assert "cut short" in said.stderr


async def test_a_host_takes_the_time_it_is_told(closed: PracticeHost) -> None:
    closed.set_pace(0.6)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(closed.run("db dump slow.sql"), 0.5)
    closed.set_pace(0)

    assert (await asyncio.wait_for(closed.ask("db dump quick.sql"), 5)).exit_code == 0


async def test_the_migration_is_not_run_twice(world: World) -> None:
    database = world.in_role("controller")[0]
    before = await database.run("db checksum")

    said = await database.ask("db migrate ocata")

    assert said.exit_code == 1
    assert await database.run("db checksum") == before


async def test_starting_what_runs_leaves_it_alone(world: World) -> None:
    host = world.in_role("controller")[1]
    before = await host.run("svc status nova-api")

    assert "already runs" in await host.run("svc start nova-api")
    assert await host.run("svc status nova-api") == before


async def test_a_stopped_service_is_gone_and_said_to_be(stopped: PracticeHost) -> None:
    said = await stopped.ask("svc is-active nova-api")

    assert (said.exit_code, said.stdout) == (3, "inactive\n")
    assert (await stopped.ask("http-get /healthz")).exit_code == 7
    assert await stopped.run("svc stop nova-api") == "nova-api is not running"


async def test_a_service_nobody_knows(world: World) -> None:
    assert (await world.in_role("controller")[1].ask("svc start neutron-server")).exit_code == 5


async def test_a_start_waits_for_one_under_way(stopped: PracticeHost) -> None:
    """So that "already runs" is never said of a service that does not listen yet."""
    with locked(stopped.directory / "run" / "nova-api.lock"):
        starting = asyncio.create_task(stopped.run("svc start nova-api"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(starting), 0.5)

    assert "started as" in await starting


async def test_a_service_survives_the_death_of_its_starters_group(stopped: PracticeHost) -> None:
    assert (await stopped.ask("svc start nova-api; kill -KILL 0")).exit_code == -9

    assert await stopped.run("svc is-active nova-api") == "active"


async def test_two_starts_at_once_start_one(stopped: PracticeHost) -> None:
    said = await asyncio.gather(*(stopped.run("svc start nova-api") for _ in range(5)))

    assert sum("started as" in one for one in said) == 1
    assert sum("already runs" in one for one in said) == 4


async def test_a_service_that_cannot_start_says_why(stopped: PracticeHost) -> None:
    await stopped.run("mv $PRACTICE_ROOT/current $PRACTICE_ROOT/kept")

    said = await stopped.ask("svc start nova-api")

    await stopped.run("mv $PRACTICE_ROOT/kept $PRACTICE_ROOT/current")
    assert said.exit_code == 1
    assert "current" in said.stderr
    assert (await stopped.ask("svc is-active nova-api")).exit_code == 3


async def test_the_starting_command_does_not_wait_for_the_service(stopped: PracticeHost) -> None:
    """A service that kept its starter's pipes would hold the channel open for as long as it runs."""
    said = await asyncio.wait_for(stopped.ask("svc start nova-api"), 10)

    assert said.exit_code == 0


async def test_a_killed_service_is_not_called_active(world: World) -> None:
    host = world.in_role("controller")[1]
    pid = int((await host.run("svc status nova-api")).split()[-1])
    await host.run(f"kill -KILL {pid}")

    async with asyncio.timeout(10):
        while (await host.ask("svc is-active nova-api")).exit_code == 0:
            pass

    assert (await host.ask("svc is-active nova-api")).stdout == "inactive\n"
    assert "started as" in await host.run("svc start nova-api")


async def test_an_unknown_release_is_refused(world: World) -> None:
    said = await world.in_role("controller")[0].ask("release switch pike")

    assert said.exit_code == 2
    assert "newton ocata" in said.stderr
    assert await world.in_role("controller")[0].run("release current") == "ocata"


async def test_inventory_names_every_host_as_the_core_wants_it(world: World) -> None:
    target = yaml.safe_load(world.targets_yaml())["targets"]["prod-east"]
    hosts = [Host(name=name, **about) for name, about in target["hosts"].items()]

    assert {name for names in target["roles"].values() for name in names} == {host.name for host in hosts}
    for host in hosts:
        async with asyncssh.connect(
            host.address,
            host.port,
            username=host.user,
            client_keys=[str(world.client_key)],
            known_hosts=([asyncssh.import_public_key(host.host_key or "")], [], []),
            config=None,
            agent_path=None,
        ) as connection:
            done = await connection.run(f"test -d {host.state_dir} && ping", check=True)
            assert done.stdout == f"pong from {host.name}\n"


async def test_the_ledger_tells_what_was_done(world: World) -> None:
    snapshot = snapshot_of(world)
    assert hashlib.sha256(Path(snapshot.place).read_bytes()).hexdigest() == snapshot.sha256
    assert snapshot.sha256 == world.ledger.baseline["database-sha256"]
    assert snapshot.taken_at < datetime.now(UTC)
    assert world.ledger.upgrade is not None
    assert (world.ledger.upgrade.origin, world.ledger.upgrade.destination) == ("newton", "ocata")
    assert [one.name for one in world.ledger.checkpoints] == ["schema-migrated", "controllers-upgraded"]


async def test_a_probe_that_cannot_read_says_so_and_nothing_else(world: World) -> None:
    records = world.hosts["compute-1"].directory / "var" / "records"
    kept = records.rename(records.with_name("kept"))

    said = await world.hosts["compute-1"].ask("compute-agent touched")

    kept.rename(records)
    assert (said.exit_code, said.stdout) == (1, "")
    assert "cannot read" in said.stderr
