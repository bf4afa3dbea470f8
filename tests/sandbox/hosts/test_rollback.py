"""The practice world is honest: the upgrade breaks it, and only the right steps, over plain SSH, mend it."""

import asyncio

import pytest

from sandbox.hosts.host import HostFailedError, PracticeHost
from sandbox.hosts.scenarios import SCENARIOS, Moment
from sandbox.hosts.upgrade import LATE_WRITE
from sandbox.hosts.world import PracticeWorld

SEVEN = {
    "reversible",
    "crossed-recorded",
    "crossed-live",
    "host-unreachable",
    "crossed-before-claim",
    "crossed-mid-run",
    "step-fails",
}


def in_scenario(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [name], indirect=True)


async def everywhere(world: PracticeWorld, command: str) -> list[str]:
    return await asyncio.gather(*(host.run(command) for host in world.controllers))


async def stop_and_restore(world: PracticeWorld) -> None:
    database, snapshot = world.controllers[0], world.snapshot
    await everywhere(world, "svc stop nova-api")
    await database.run("db dump evidence.sql")
    await database.run("db door close")
    await database.run(f"db restore {snapshot.place} --sha256 {snapshot.sha256}")
    await database.run("db door open")


async def start_old(host: PracticeHost) -> None:
    await host.run("release switch newton")
    await host.run("svc start nova-api")
    await host.run("http-get /healthz")


async def test_the_rollback_mends_it_step_by_step(world: PracticeWorld) -> None:
    database = world.controllers[0]
    await stop_and_restore(world)
    assert await database.run("db schema-version") == "334"
    assert await database.run("db checksum") == world.ledger.baseline["database-sha256"]

    for host in world.controllers:
        assert not (await world.answer())["right"], "right before every controller is back"
        await start_old(host)

    answer = await world.answer()
    assert answer["right"], answer
    assert await everywhere(world, "http-get --field release /healthz") == ["newton"] * 3
    assert await everywhere(world, "http-get --sha256 /servers") == [world.ledger.baseline["servers-sha256"]] * 3
    assert "created-on-ocata" in await database.run("cat $PRACTICE_ROOT/var/backups/evidence.sql")
    assert "created-on-ocata" not in await database.run("http-get /servers")

    await database.run(f"http-get --post '{LATE_WRITE}' /servers")
    assert not (await world.answer())["right"], "HTTP 200 from Newton, and yet not the data there was"


async def test_old_code_on_the_new_schema_really_fails(world: PracticeWorld) -> None:
    """A rollback that forgets the database is no rollback."""
    await everywhere(world, "svc stop nova-api")
    await everywhere(world, "release switch newton && svc start nova-api")

    answer = await world.answer()

    assert not answer["right"]
    for one in answer["controllers"].values():
        assert (one["status"], one["release"]) == (500, "newton")
        assert "no such column" in one["error"]


async def test_new_code_on_the_restored_database_fails_too(world: PracticeWorld) -> None:
    """A rollback that forgets the code is none either; a switch alone changes nothing that runs."""
    await stop_and_restore(world)
    await everywhere(world, "svc start nova-api")
    await everywhere(world, "release switch newton")

    answer = await world.answer()

    assert not answer["right"]
    assert {one["release"] for one in answer["controllers"].values()} == {"ocata"}


def test_all_seven_scenarios_are_there() -> None:
    assert set(SCENARIOS) == SEVEN
    assert all(scenario.name == name for name, scenario in SCENARIOS.items())


@in_scenario("crossed-recorded")
async def test_crossed_by_the_ledger_alone(world: PracticeWorld) -> None:
    assert "compute-upgraded" in [one.name for one in world.ledger.checkpoints]
    assert [await host.run("compute-agent touched") for host in world.computes] == ["untouched"] * 2


@in_scenario("crossed-live")
async def test_crossed_in_the_live_system_alone(world: PracticeWorld) -> None:
    assert "compute-upgraded" not in [one.name for one in world.ledger.checkpoints]
    assert await world.hosts["compute-1"].run("compute-agent touched") == "untouched"
    assert await world.hosts["compute-2"].run("compute-agent touched") == "converted to ocata, 12 records"
    assert await world.hosts["compute-2"].run("compute-agent version") == "ocata"


@in_scenario("host-unreachable")
async def test_a_host_that_does_not_answer(world: PracticeWorld) -> None:
    with pytest.raises(OSError):
        await world.hosts["compute-1"].run("true")
    assert await world.hosts["compute-2"].run("compute-agent touched") == "untouched"


@pytest.mark.parametrize(
    ("world", "moment"),
    [("crossed-before-claim", Moment.BEFORE_CLAIM), ("crossed-mid-run", Moment.BEFORE_GUARDED_STEP)],
    indirect=["world"],
)
async def test_crossed_at_a_moment(world: PracticeWorld, moment: Moment) -> None:
    """Reversible until the moment comes, crossed after it; other moments change nothing."""
    compute = world.hosts["compute-2"]
    other = next(one for one in Moment if one is not moment)

    assert not await world.reach(other)
    assert await compute.run("compute-agent touched") == "untouched"
    assert await world.reach(moment)
    assert (await compute.run("compute-agent touched")).startswith("converted")


async def test_a_probe_that_cannot_read_says_so_and_nothing_else(world: PracticeWorld) -> None:
    compute = world.hosts["compute-1"]
    (compute.directory / "var" / "records").unlink()

    said = await compute.ask("compute-agent touched")

    assert said.exit_code == 1
    assert said.stdout == ""
    assert "cannot read" in said.stderr


@in_scenario("step-fails")
async def test_a_step_fails_until_somebody_fixes_it(world: PracticeWorld) -> None:
    await stop_and_restore(world)
    await start_old(world.controllers[0])

    with pytest.raises(HostFailedError, match="svc unmask nova-api"):
        await start_old(world.controllers[1])
    assert not (await world.answer())["right"]

    assert world.scenario.fix is not None
    await world.scenario.fix(world)
    for host in world.controllers[1:]:
        await start_old(host)

    assert (await world.answer())["right"]
