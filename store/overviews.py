"""Overviews: which message of a channel shows all its live runs. At most one a channel; a row while it is edited."""

from datetime import datetime

from sqlmodel import select

from store.columns import utc
from store.parts import Part
from store.records import Overview
from store.tables import OverviewRow


class OverviewsPart(Part):
    async def overviews(self) -> list[Overview]:
        """Return those that are kept up to date, or are about to be posted."""
        rows = (await self._session.exec(select(OverviewRow).order_by(OverviewRow.channel))).all()
        return [Overview(channel=row.channel, ts=row.ts or "", opened_at=row.opened_at) for row in rows]

    async def open_overview(self, channel: str, at: datetime) -> Overview:
        """Write this before posting: met without a message after a crash it means that one may have been posted."""
        row = await self._session.get(OverviewRow, channel) or OverviewRow(channel=channel, opened_at=utc(at))
        row.ts, row.opened_at = None, utc(at)
        await self._add(row)
        return Overview(channel=channel, ts="", opened_at=row.opened_at)

    async def place_overview(self, opened: Overview, ts: str) -> bool:
        """Record the message; False if another overview was opened in the channel meanwhile: that one counts."""
        row = await self._opened(opened)
        if row is not None:
            row.ts = ts
            await self._add(row)
        return row is not None

    async def close_overview(self, opened: Overview) -> None:
        """It is not edited any more. Another one opened meanwhile stays."""
        if (row := await self._opened(opened)) is not None:
            await self._remove(row)

    async def _opened(self, opened: Overview) -> OverviewRow | None:
        row: OverviewRow | None = await self._session.get(OverviewRow, opened.channel)
        return row if row is not None and row.opened_at == opened.opened_at else None
