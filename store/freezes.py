"""The switch that stops all dispatch. It is a row, so it survives restarts and holds for every replica."""

from datetime import datetime

from core.errors import RefusedError
from store.audit import AuditPart
from store.records import Freeze
from store.tables import FreezeRow

_ONLY = 1


class FreezesPart(AuditPart):
    async def frozen(self) -> Freeze | None:
        row = await self._session.get(FreezeRow, _ONLY)
        return Freeze(reason=row.reason, by=row.who, at=row.at) if row else None

    async def freeze(self, reason: str, by: str, at: datetime) -> None:
        """
        Raises:
            RefusedError: it is frozen already.
        """
        before = await self.frozen()
        if before is not None:
            raise RefusedError(f"frozen already by {before.by} at {before.at:%Y-%m-%d %H:%M} UTC: {before.reason}")
        await self._add(FreezeRow(id=_ONLY, reason=reason, who=by, at=at))
        await self.audit("freeze", who=by, data={"reason": reason}, at=at)

    async def thaw(self, by: str, at: datetime) -> None:
        """
        Raises:
            RefusedError: nothing is frozen.
        """
        row = await self._session.get(FreezeRow, _ONLY)
        if row is None:
            raise RefusedError("nothing is frozen")
        await self._remove(row)
        await self.audit("thaw", who=by, data={"reason": row.reason, "frozen_by": row.who}, at=at)
