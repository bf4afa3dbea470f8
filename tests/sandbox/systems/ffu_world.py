"""The fast-forward upgrade's practice cloud without a bot, and a way to put back what a test did to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.world import World
from tests.sandbox.systems.desk import Clerk, Desk

#: What a test may change of a host, beside its state: where the plan and the upgrade write.
CHANGED = ("etc", "home", "run", "var/lib")


@asynccontextmanager
async def half_upgraded(home: Path) -> AsyncIterator[Desk]:
    """Raise the cloud, upgrade it by one hop and a half, and resolve the plan for it."""
    async with World.start(SYSTEM, SYSTEM.scenario("E1"), home) as world:
        clerk = Clerk(SYSTEM.target)
        clerk.world = world
        await world.upgrade(clerk)
        desk = Desk(world, plan=None)  # type: ignore[arg-type]  # resolved by the desk itself, in the next line
        desk.plan = desk.resolve()
        yield desk


@asynccontextmanager
async def as_it_was(desk: Desk) -> AsyncIterator[None]:
    """Put back at the end whatever the block changes of files, states, ledger and resolved plan."""
    kept = {path: path.read_bytes() for path in _files(desk.world)}
    ledger, plan = desk.world.ledger, desk.plan
    try:
        yield
    finally:
        for path in _files(desk.world):
            if path not in kept:
                path.unlink()
        for path, content in kept.items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        recorder = desk.world.recorder
        assert isinstance(recorder, Clerk)
        recorder.ledger, desk.plan = ledger, plan


def _files(world: World) -> Iterator[Path]:
    folders = [world.shared, *(host.directory / "state" for host in world.hosts.values())]
    folders += [host.directory / "root" / part for host in world.hosts.values() for part in CHANGED]
    return (path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
