"""The audit: who did what, when, as a hash chain that only grows."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from store.chain import START, AuditError, Line, canonical, follow, line_after
from store.columns import clean, utc
from store.parts import Part
from store.records import AuditHead
from store.tables import AuditHeadRow, AuditRow

_BATCH = 500
_HEAD_ID = 1


class AuditPart(Part):
    async def audit(self, what: str, *, who: str, data: Any, at: datetime) -> str:
        """Add a line and return its hash. *data* is anything `core.codec.to_data` takes."""
        head = await self._head_row()
        line = line_after(
            AuditHead(n=head.n, hash=head.hash), at=utc(at), who=clean(who), what=clean(what), data=canonical(data)
        )
        head.n, head.hash = line.n, line.hash
        await self._add(
            head,
            AuditRow(
                n=line.n,
                at=line.at,
                who=line.who,
                what=line.what,
                data=line.data,
                previous=line.previous,
                hash=line.hash,
            ),
        )
        return line.hash

    async def audit_head(self) -> AuditHead:
        head = await self._head_row()
        return AuditHead(n=head.n, hash=head.hash)

    async def verify_audit(self, *, expected: AuditHead | None = None) -> AuditHead:
        """
        Read the whole audit and return its head.

        Lines cut off at the end are noticed by the head the database keeps; somebody who rewrites that too is only
        noticed by an *expected* head that was published elsewhere (each run's report carries one).

        Raises:
            AuditError: naming the first line that is missing, out of place or altered.
        """
        head = START
        async for lines in self._lines():
            for line in lines:
                head = follow(head, [line])
                if expected is not None and line.n == expected.n and line.hash != expected.hash:
                    raise AuditError(f"audit line {line.n} is not the one that was published: the audit was rewritten")
        kept = await self.audit_head()
        if kept != head:
            raise AuditError(f"the audit ends at line {head.n}, it should end at line {kept.n}: its end was cut off")
        if expected is not None and expected.n > head.n:
            raise AuditError(f"the audit ends at line {head.n}, line {expected.n} was published: its end was cut off")
        return head

    async def _lines(self) -> AsyncIterator[list[Line]]:
        after: int | None = None
        while True:
            query = select(AuditRow).order_by(col(AuditRow.n)).limit(_BATCH)
            rows = (await self._session.exec(query if after is None else query.where(AuditRow.n > after))).all()
            if not rows:
                return
            yield [_line(row) for row in rows]
            after = rows[-1].n
            self._session.expunge_all()  # a long audit is read in passing, not kept

    async def _head_row(self) -> AuditHeadRow:
        row = await self._session.get(AuditHeadRow, _HEAD_ID)
        if row is None:
            raise AuditError("the head of the audit is missing from the database: somebody removed it")
        return row


def _line(row: AuditRow) -> Line:
    return Line(n=row.n, at=row.at, who=row.who, what=row.what, data=row.data, previous=row.previous, hash=row.hash)
