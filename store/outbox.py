"""The outbox: messages to send, written with what they tell, so that neither comes without the other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import case, col, func, select

from core.codec import to_data
from core.errors import UnknownNameError
from store.parts import Part
from store.records import Outgoing, Waiting
from store.tables import BoardRow, OutboxRow


class OutboxPart(Part):
    async def send(self, message: Outgoing) -> bool:
        """Put *message* into the outbox; False if one with its key was put there before."""
        if await self._find(message.key) is not None:
            return False
        await self._add(
            OutboxRow(
                key=message.key,
                run_id=message.run_id,
                kind=message.kind,
                payload=to_data(message.payload),
                at=message.at,
            )
        )
        return True

    async def outbox(self, *, limit: int = 50) -> list[Outgoing]:
        """Return what is neither sent nor given up, in order."""
        query = select(OutboxRow).where(col(OutboxRow.sent_at).is_(None), col(OutboxRow.gave_up_at).is_(None))
        rows = (await self._session.exec(query.order_by(col(OutboxRow.number)).limit(limit))).all()
        return [_outgoing(row) for row in rows]

    async def waiting(self) -> list[Waiting]:
        """
        Return what is neither sent nor given up, by channel, the longest waiting first.

        One small query: with a message a second and twenty runs, hundreds may wait, and only the first ones are read.
        """
        ready = case((col(BoardRow.ts).is_not(None), col(OutboxRow.number)))
        query = (
            select(BoardRow.channel, func.min(col(OutboxRow.number)), func.min(ready), func.count())
            .select_from(OutboxRow)
            .outerjoin(BoardRow, col(BoardRow.run_id) == col(OutboxRow.run_id))
            .where(col(OutboxRow.sent_at).is_(None), col(OutboxRow.gave_up_at).is_(None))
            .group_by(col(BoardRow.channel))
        )
        rows = sorted((await self._session.exec(query)).all(), key=lambda row: row[1])
        return [
            Waiting(channel=channel or "", first=first if not channel else ready, count=count)
            for channel, first, ready, count in rows
        ]

    async def numbered(self, number: int) -> Outgoing:
        """Return a message that `waiting` named."""
        row = (await self._session.exec(select(OutboxRow).where(OutboxRow.number == number))).one()
        return _outgoing(row)

    async def outgoing(self, key: str) -> Outgoing | None:
        """Return one message, whatever became of it."""
        row = await self._find(key)
        return _outgoing(row) if row else None

    async def sending(self, key: str, at: datetime) -> None:
        """Write this before posting: met after a crash it means that the message may have been posted."""
        row = await self._row(key)
        row.sending_at = at
        await self._add(row)

    async def sent(self, key: str, ref: Mapping[str, Any], at: datetime) -> None:
        """It was posted; *ref* is what the chat service calls it (channel, ts)."""
        row = await self._row(key)
        row.sent_at, row.ref, row.error = at, to_data(ref), ""
        await self._add(row)

    async def failed(self, key: str, error: str, at: datetime, *, gave_up: bool = False) -> None:
        """It was not posted, for sure. `gave_up`: and never will be (the channel is gone); it leaves the outbox."""
        row = await self._row(key)
        row.failures += 1
        row.sending_at, row.error = None, error
        row.gave_up_at = at if gave_up else None
        await self._add(row)

    async def _find(self, key: str) -> OutboxRow | None:
        found: OutboxRow | None = (await self._session.exec(select(OutboxRow).where(OutboxRow.key == key))).first()
        return found

    async def _row(self, key: str) -> OutboxRow:
        row = await self._find(key)
        if row is None:
            raise UnknownNameError(f"no message '{key}' in the outbox")
        return row


def _outgoing(row: OutboxRow) -> Outgoing:
    return Outgoing(
        key=row.key,
        run_id=row.run_id,
        kind=row.kind,
        payload=row.payload,
        at=row.at,
        sending_at=row.sending_at,
        failures=row.failures,
        error=row.error,
        sent_at=row.sent_at,
        ref=row.ref,
    )
