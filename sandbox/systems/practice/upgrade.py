"""
The upgrade that goes wrong: Newton to Ocata, over SSH, as its automation would do it.

It records what it does, takes a snapshot first, and believes its own exit statuses to the end: all of them are 0.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from core.ledger import Snapshot
from sandbox.hosts.host import PracticeHost
from sandbox.systems.world import World

ORIGIN = "newton"
DESTINATION = "ocata"
SNAPSHOT = "database"
LATE_WRITE = '{"name": "created-on-ocata", "project": "project-1", "vcpus": 2, "memory_mb": 2048}'


async def start_old_version(world: World) -> None:
    """Start the database and, on every controller, the API: the world before the upgrade."""
    await world.in_role("database")[0].run("svc start db")
    await _everywhere(world.in_role("controller"), "svc start nova-api")


async def baseline(world: World) -> dict[str, str]:
    """Return the facts captured before the upgrade, by "fact" or "fact@host"."""
    database = world.in_role("database")[0]
    looks = {
        "schema-version": (database, "db schema-version"),
        "database-sha256": (database, "db checksum"),
        "servers-sha256": (database, "http-get --sha256 /servers"),
        "memory-mb": (database, "http-get --field memory_mb /usage"),
        **{f"release@{host.name}": (host, "release current") for host in world.in_role("controller")},
        **{f"agent-version@{host.name}": (host, "compute-agent version") for host in world.in_role("compute")},
    }
    values = await asyncio.gather(*(host.run(command) for host, command in looks.values()))
    return dict(zip(looks, values, strict=True))


async def upgrade(world: World) -> None:
    """Upgrade the controllers, recording it."""
    controllers, database, recorder = world.in_role("controller"), world.in_role("database")[0], world.recorder
    facts = await baseline(world)
    world.known["servers-sha256"] = facts["servers-sha256"]
    await recorder.begin(ORIGIN, DESTINATION)
    await recorder.snapshot(await take_snapshot(database))
    await recorder.baseline(facts)
    await _everywhere(controllers, "svc stop nova-api")
    await database.run(f"db migrate {DESTINATION}")
    await recorder.mark("schema-migrated", "334 to 347")
    await _everywhere(controllers, f"release switch {DESTINATION} && svc start nova-api")
    # Somebody uses the cloud before anybody sees it is broken: what a rollback loses is something, not nothing.
    await database.run(f"http-get --post '{LATE_WRITE}' /servers")
    await recorder.mark("controllers-upgraded", "3 of 3")


async def take_snapshot(database: PracticeHost) -> Snapshot:
    """Dump the database on its host."""
    place = str(database.directory / "var" / "backups" / f"before-{DESTINATION}.sql")
    sha256 = await database.run(f"db dump {place}")
    return Snapshot(
        name=SNAPSHOT,
        kind="sql-dump",
        place=place,
        host=database.name,
        sha256=sha256,
        taken_at=datetime.now(UTC),
        engine_version=await database.run("db engine-version"),
        covers="all of nova's database",
    )


async def _everywhere(hosts: Sequence[PracticeHost], command: str) -> None:
    await asyncio.gather(*(host.run(command) for host in hosts))
