"""The inbox: events of the chat service, each taken in once, before it is acknowledged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select

from core.codec import to_data
from store.parts import Part
from store.records import InboxItem
from store.tables import InboxRow


class InboxPart(Part):
    async def receive(self, event_id: str, kind: str, payload: Mapping[str, Any], at: datetime) -> bool:
        """Keep an event; False if it was received before (the service sends again what was acknowledged late)."""
        what = {"kind": kind, "payload": to_data(payload), "at": at, "note": ""}
        return await self._put(InboxRow, {"event_id": event_id}, what, replace=False)

    async def inbox(self, limit: int = 100) -> list[InboxItem]:
        """Return what was received and not handled, in order."""
        query = select(InboxRow).where(col(InboxRow.handled_at).is_(None)).order_by(col(InboxRow.number)).limit(limit)
        rows = (await self._session.exec(query)).all()
        return [InboxItem(event_id=r.event_id, kind=r.kind, payload=r.payload, at=r.at) for r in rows]

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
