"""
The upgrade that goes wrong: Newton to Ocata, over SSH, as its automation would do it.

It records what it does in a ledger (the demo hands that to the bot), takes a snapshot first, and believes its
own exit statuses to the end: all of them are 0.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from core.ledger import Checkpoint, Ledger, Snapshot, Upgrade
from sandbox.hosts.host import PracticeHost

ORIGIN = "newton"
DESTINATION = "ocata"
AUTOMATION = "upgrade-job"
SNAPSHOT = "database"
LATE_WRITE = '{"name": "created-on-ocata", "project": "project-1", "vcpus": 2, "memory_mb": 2048}'


async def start_old_version(controllers: Sequence[PracticeHost]) -> None:
    """Start the database and, on every controller, the API: the world before the upgrade."""
    await controllers[0].run("svc start db")
    await asyncio.gather(*(host.run("svc start nova-api") for host in controllers))


async def baseline(controllers: Sequence[PracticeHost], computes: Sequence[PracticeHost]) -> dict[str, str]:
    """Return the facts captured before the upgrade, by "fact" or "fact@host"."""
    database = controllers[0]
    looks = {
        "schema-version": (database, "db schema-version"),
        "database-sha256": (database, "db checksum"),
        "servers-sha256": (database, "http-get --sha256 /servers"),
        "memory-mb": (database, "http-get --field memory_mb /usage"),
        **{f"release@{host.name}": (host, "release current") for host in controllers},
        **{f"agent-version@{host.name}": (host, "compute-agent version") for host in computes},
    }
    values = await asyncio.gather(*(host.run(command) for host, command in looks.values()))
    return dict(zip(looks, values, strict=True))


async def upgrade(target: str, controllers: Sequence[PracticeHost], facts: Mapping[str, str]) -> Ledger:
    """Upgrade the controllers and return what was recorded of it."""
    begun = datetime.now(UTC)
    database = controllers[0]
    snapshot = await take_snapshot(database)
    await _everywhere(controllers, "svc stop nova-api")
    await database.run(f"db migrate {DESTINATION}")
    migrated = datetime.now(UTC)
    await _everywhere(controllers, f"release switch {DESTINATION} && svc start nova-api")
    # Somebody uses the cloud before anybody sees it is broken: what a rollback loses is something, not nothing.
    await database.run(f"http-get --post '{LATE_WRITE}' /servers")
    return Ledger(
        target=target,
        upgrade=Upgrade(origin=ORIGIN, destination=DESTINATION, started_at=begun, by=AUTOMATION),
        checkpoints=(
            Checkpoint(name="schema-migrated", at=migrated, by=AUTOMATION, evidence="334 to 347"),
            Checkpoint(name="controllers-upgraded", at=datetime.now(UTC), by=AUTOMATION, evidence="3 of 3"),
        ),
        snapshots={snapshot.name: snapshot},
        baseline=facts,
    )


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
