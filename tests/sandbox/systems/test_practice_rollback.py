"""The practice world is honest: the upgrade breaks it, and only the right steps, over plain SSH, mend it."""

import asyncio

import pytest

from sandbox.hosts.host import PracticeHost
from sandbox.hosts.nursery import HostFailedError
from sandbox.systems.findings import all_right, describe
from sandbox.systems.practice import SYSTEM
from sandbox.systems.practice.upgrade import LATE_WRITE
from sandbox.systems.world import World

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


async def everywhere(world: World, command: str) -> list[str]:
    return await asyncio.gather(*(host.run(command) for host in world.in_role("controller")))


async def stop_and_restore(world: World) -> None:
    database, snapshot = world.in_role("controller")[0], world.ledger.snapshots["database"]
    await everywhere(world, "svc stop nova-api")
    await database.run("db dump evidence.sql")
    await database.run("db door close")
    await database.run(f"db restore {snapshot.place} --sha256 {snapshot.sha256}")
    await database.run("db door open")


async def start_old(host: PracticeHost) -> None:
    await host.run("release switch newton")
    await host.run("svc start nova-api")
    await host.run("http-get /healthz")


async def test_the_rollback_mends_it_step_by_step(world: World) -> None:
    database = world.in_role("controller")[0]
    await stop_and_restore(world)
    assert await database.run("db schema-version") == "334"
    assert await database.run("db checksum") == world.ledger.baseline["database-sha256"]

    for host in world.in_role("controller"):
        assert not all_right(await world.truth()), "right before every controller is back"
        await start_old(host)

    truth = await world.truth()
    assert all_right(truth), describe(truth)
    assert await everywhere(world, "http-get --field release /healthz") == ["newton"] * 3
    assert await everywhere(world, "http-get --sha256 /servers") == [world.ledger.baseline["servers-sha256"]] * 3
    assert "created-on-ocata" in await database.run("cat $PRACTICE_ROOT/var/backups/evidence.sql")
    assert "created-on-ocata" not in await database.run("http-get /servers")

    await database.run(f"http-get --post '{LATE_WRITE}' /servers")
    assert not all_right(await world.truth()), "HTTP 200 from Newton, and yet not the data there was"


async def test_old_code_on_the_new_schema_really_fails(world: World) -> None:
    """A rollback that forgets the database is no rollback."""
    await everywhere(world, "svc stop nova-api")
    await everywhere(world, "release switch newton && svc start nova-api")

    for finding in await world.truth():
        assert not finding.right
        assert finding.found.startswith("500 from newton, ")
        assert "no such column" in finding.found


async def test_new_code_on_the_restored_database_fails_too(world: World) -> None:
    """A rollback that forgets the code is none either; a switch alone changes nothing that runs."""
    await stop_and_restore(world)
    await everywhere(world, "svc start nova-api")
    await everywhere(world, "release switch newton")

    truth = await world.truth()

    assert not any(finding.right for finding in truth)
    assert all("from ocata" in finding.found for finding in truth)


def test_all_seven_scenarios_are_there() -> None:
    assert {scenario.name for scenario in SYSTEM.scenarios} == SEVEN


@in_scenario("step-fails")
async def test_a_step_fails_until_somebody_fixes_it(world: World) -> None:
    await stop_and_restore(world)
    await start_old(world.in_role("controller")[0])

    with pytest.raises(HostFailedError, match="svc unmask nova-api"):
        await start_old(world.in_role("controller")[1])
    assert not all_right(await world.truth())

    (answer,) = world.scenario.answers
    assert answer.first is not None
    await answer.first(world)
    for host in world.in_role("controller")[1:]:
        await start_old(host)

    assert all_right(await world.truth())
