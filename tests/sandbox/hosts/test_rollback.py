"""The practice world is honest: the upgrade breaks it, and only the right steps, over plain SSH, mend it."""

import asyncio

import pytest

from sandbox.hosts.host import HostFailedError, PracticeHost
from sandbox.hosts.scenarios import SCENARIOS
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
