"""The audit: who did what, when, as a hash chain that only grows."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel import col, insert, select, update

from store.chain import START, AuditError, Line, Said, canonical, follow, line_after
from store.columns import clean, utc
from store.parts import Part
from store.records import AuditHead
from store.tables import AuditHeadRow, AuditRow

_BATCH = 500
_HEAD_ID = 1
#: Made once, for every journal entry needs them.
_HEAD = select(AuditHeadRow.n, AuditHeadRow.hash).where(AuditHeadRow.id == _HEAD_ID)
_MOVE_HEAD = update(AuditHeadRow).where(col(AuditHeadRow.id) == _HEAD_ID)
_ADD_LINES = insert(AuditRow)


class AuditPart(Part):
    _head: AuditHead | None = None  #: as this transaction read or made it

    async def audit(self, what: str, *, who: str, data: Any, at: datetime) -> str:
        """Add a line and return its hash. *data* is anything `core.codec.to_data` takes."""
        return (await self.audit_all([Said(what=what, who=who, data=data, at=at)])).hash

    async def audit_all(self, said: Iterable[Said]) -> AuditHead:
        """Add a line for each, in order; return the head after them."""
        head = await self.audit_head()
        lines = []
        for each in said:
            lines.append(_after(head, each))
            head = AuditHead(n=lines[-1].n, hash=lines[-1].hash)
        await self._write(_ADD_LINES, [asdict(line) for line in lines])
        await self._write(_MOVE_HEAD, [asdict(head)])
        self._head = head
        return head

    async def audit_head(self, *, lock: bool = False) -> AuditHead:
        """
        Return the end of the audit; with *lock* wait until no other process writes (PostgreSQL).

        Raises:
            AuditError: somebody took it out of the database.
        """
        if self._head is not None:  # a transaction sees one moment
            return self._head
        found = (await self._session.exec(_HEAD.with_for_update() if lock else _HEAD)).first()
        if found is None:
            raise AuditError("the head of the audit is missing from the database: somebody removed it")
        self._head = AuditHead(n=found[0], hash=found[1])
        return self._head

    async def still_holds(self, head: AuditHead) -> bool:
        """Whether the audit still has the line that was its end once; without it the database has lost what it kept."""
        if not head.n:
            return True
        found = (await self._session.exec(select(AuditRow.hash).where(AuditRow.n == head.n))).first()
        return bool(found == head.hash)

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


def _after(head: AuditHead, said: Said) -> Line:
    return line_after(head, at=utc(said.at), who=clean(said.who), what=clean(said.what), data=canonical(said.data))


def _line(row: AuditRow) -> Line:
    return Line(n=row.n, at=row.at, who=row.who, what=row.what, data=row.data, previous=row.previous, hash=row.hash)
