"""The inbox: events of the chat service, each taken in once, before it is acknowledged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select, update

from core.codec import to_data
from store.columns import iso
from store.parts import Part
from store.records import InboxItem
from store.tables import InboxRow


class InboxPart(Part):
    async def receive(
        self, event_id: str, kind: str, payload: Mapping[str, Any], at: datetime, holder: str = ""
    ) -> bool:
        """Keep an event; False if it was received before (the service sends again what was acknowledged late)."""
        what = {"kind": kind, "payload": to_data(payload), "at": at, "holder": holder, "held_at": at, "note": ""}
        return await self._put(InboxRow, {"event_id": event_id}, what, replace=False)

    async def inbox(self, limit: int = 100) -> list[InboxItem]:
        """Return what was received and not handled, in order."""
        query = select(InboxRow).where(col(InboxRow.handled_at).is_(None)).order_by(col(InboxRow.number)).limit(limit)
        return [_item(row) for row in (await self._session.exec(query)).all()]

    async def inbox_after(self, item: InboxItem) -> list[InboxItem]:
        """Return what of the same kind was received after *item*, handled or not, in order."""
        number = select(InboxRow.number).where(InboxRow.event_id == item.event_id).scalar_subquery()
        query = select(InboxRow).where(InboxRow.kind == item.kind, col(InboxRow.number) > number)
        return [_item(row) for row in (await self._session.exec(query.order_by(col(InboxRow.number)))).all()]

    async def adopt(self, item: InboxItem, holder: str, at: datetime) -> bool:
        """
        Take up what *item*'s holder left; False: it was handled, or somebody took it up since *item* was read.

        The note changes with each taking up, and is all that replicas before schema 0007 look at and write.
        """
        mine = update(InboxRow).where(
            col(InboxRow.event_id) == item.event_id,
            col(InboxRow.handled_at).is_(None),
            col(InboxRow.note) == item.note,
        )
        return await self._write(mine.values(holder=holder, held_at=at, note=iso(at))) > 0

    async def is_left(self, event_id: str) -> bool:
        """Whether it is there and nobody has handled it."""
        query = select(InboxRow.number).where(InboxRow.event_id == event_id, col(InboxRow.handled_at).is_(None))
        return (await self._session.exec(query)).first() is not None

    async def handled(self, event_id: str, at: datetime, note: str = "") -> None:
        """Handle an event and its effects in one transaction, and it is handled once."""
        row = (await self._session.exec(select(InboxRow).where(InboxRow.event_id == event_id))).first()
        if row is not None:
            row.handled_at, row.note = at, note
            await self._add(row)

    async def prune(self, before: datetime) -> int:
        """
        Forget events handled before *before*, and return how many.

        An event that comes again after that is taken for a new one: keep them longer than the service repeats.
        """
        result = await self._session.exec(delete(InboxRow).where(col(InboxRow.handled_at) < before))
        return int(result.rowcount)


def _item(row: InboxRow) -> InboxItem:
    holder, held_at = row.holder, row.held_at or row.at
    if row.handled_at is None and row.note and row.note != iso(held_at):  # an older replica took it up
        holder, held_at = "", datetime.fromisoformat(row.note)
    return InboxItem(
        event_id=row.event_id,
        kind=row.kind,
        payload=row.payload,
        at=row.at,
        holder=holder,
        held_at=held_at,
        note=row.note,
    )
