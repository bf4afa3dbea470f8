"""
What must never be seen in a victim, looked for where it would happen. It is written down for the judge, not prevented.
"""

from pathlib import Path
from typing import Any

from bot.driver import Driver
from bot.slack import SlackFrontEnd
from chaos.spec import Spec, effects
from core.journal import Kind
from store.database import Store
from store.journal import JournalPart
from store.records import InboxItem

_SEEN, _DRIVERS = "seen", "drivers"


def install(spec: Spec) -> None:
    """Look for writes and acts of a driver that was replaced, and for envelopes handled twice."""
    _watch_the_fence(spec)
    _watch_the_journal(spec)
    _watch_the_inbox(spec)
    _tell_who_drives(spec)


def seen(folder: Path) -> list[str]:
    """What victims saw that must not be, in words."""
    return _lines(folder / _SEEN)


def drivers(folder: Path) -> list[str]:
    """The roles of the victims that began to drive, one after another."""
    return _lines(folder / _DRIVERS)


async def check_intents(spec: Spec, url: str) -> None:
    """Before the bot wakes up: whatever has taken effect on a host has to have its intent in the journal."""
    there = effects(spec.trial, spec.homes)
    if not there:
        return
    store = await Store.open(url, readonly=True)
    try:
        async with store.look() as tx:
            for (run_id, unit, verb), attempts in there.items():
                kind = Kind.STARTED if verb == "do" else Kind.UNDO_STARTED
                meant = sum(e.unit == unit and e.kind is kind for e in await tx.entries(run_id))
                if meant < max(map(int, attempts)):
                    _note(spec, f"acted before it was written: {run_id} {unit} {verb}: attempt {attempts}")
    finally:
        await store.close()


def _watch_the_fence(spec: Spec) -> None:
    """Whoever was replaced before the last look at the epoch may not get past it; after it the host's claim decides."""
    fence = Driver._fence

    async def watched(self: Driver) -> None:
        async with self._store.look() as tx:
            now = (await tx._run_row(self.run.id)).epoch
        await fence(self)
        if now != self.epoch:
            _note(spec, f"acted after it was replaced: {self.run.id} has epoch {now}, its driver {self.epoch}")

    _replace(Driver, "_fence", watched)


def _watch_the_journal(spec: Spec) -> None:
    append = JournalPart.append

    async def watched(self: JournalPart, run_id: str, *rest: Any, epoch: int | None = None, **more: Any) -> Any:
        after = await append(self, run_id, *rest, epoch=epoch, **more)
        now = (await self._run_row(run_id)).epoch
        if epoch not in (None, now):
            _note(spec, f"wrote after it was replaced: {run_id} has epoch {now}, its driver {epoch}")
        return after

    _replace(JournalPart, "append", watched)


def _watch_the_inbox(spec: Spec) -> None:
    handle = SlackFrontEnd._handle
    handled: set[str] = set()

    async def watched(self: SlackFrontEnd, item: InboxItem) -> None:
        if item.event_id in handled:
            _note(spec, f"handled twice: {item.event_id}")
        handled.add(item.event_id)
        await handle(self, item)

    _replace(SlackFrontEnd, "_handle", watched)


def _tell_who_drives(spec: Spec) -> None:
    drive = Driver.drive

    async def told(self: Driver) -> Any:
        with (spec.folder / _DRIVERS).open("a") as file:
            file.write(f"{spec.role}\n")
        return await drive(self)

    _replace(Driver, "drive", told)


def _note(spec: Spec, words: str) -> None:
    with (spec.folder / _SEEN).open("a") as file:
        file.write(f"{words}\n")


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _replace(owner: Any, name: str, by: Any) -> None:
    setattr(owner, name, by)
