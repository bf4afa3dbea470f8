"""Runs as they were asked for: frozen, numbered, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import col, func, or_, select, update

from core.codec import from_data
from core.journal import Kind
from core.names import pick
from core.run import Run
from core.run_states import RunStatus
from store.parts import Memory, Part
from store.records import Due
from store.sessions import Session
from store.tables import CounterRow, JournalRow, RunRow

ENDED = [status.value for status in RunStatus if status.ended]
DRIVEN = [status.value for status in RunStatus if status.driven]


@dataclass(frozen=True, slots=True)
class RunHead:
    """What changes of a run's row, and what is needed with it."""

    id: str
    target: str
    status: str
    seq: int  #: of the journal's last entry, read from the journal: the row has but a copy of it
    epoch: int


#: Statements of every journal entry are made once: making them took as long as the database did.
_LAST = select(func.max(JournalRow.seq)).where(JournalRow.run_id == RunRow.id).correlate(RunRow).scalar_subquery()
_HEAD = sqlalchemy.select(
    col(RunRow.id), col(RunRow.target), col(RunRow.status), func.coalesce(_LAST, 0), col(RunRow.epoch)
).where(col(RunRow.id) == bindparam("run"))
_CHANGE = update(RunRow).where(col(RunRow.id) == bindparam("run"))


class RunsPart(Part):
    def __init__(self, session: Session, *, known: Memory, writes: bool) -> None:
        super().__init__(session, known=known, writes=writes)
        self._heads: dict[str, RunHead] = {}

    async def new_run_id(self) -> str:
        """Return "R-1", "R-2", …; a number is given out once, whoever asks, as long as the database lives."""
        counter = await self._session.get(CounterRow, "run")
        if counter is None:
            counter = CounterRow(name="run", value=0)
        counter.value += 1
        await self._add(counter)
        return f"R-{counter.value}"

    async def run(self, run_id: str) -> Run:
        """
        Raises:
            UnknownNameError: there is none; the text offers the nearest.
            CodecError: a newer version wrote it.
        """
        found = await self._thawed([run_id])
        if not found:
            await self._run_row(run_id)  # raises, and offers the nearest
        return found[0]

    async def runs(self, *, target: str = "", limit: int = 10, active: bool = False) -> list[Run]:
        """The newest first. `active`: only those that have not ended."""
        query = select(RunRow.id).order_by(col(RunRow.number).desc()).limit(limit)
        if target:
            query = query.where(RunRow.target == target)
        if active:
            query = query.where(col(RunRow.status).not_in(ENDED))
        return await self._thawed((await self._session.exec(query)).all())

    async def count_active(self) -> int:
        """Return how many runs have not ended."""
        query = select(func.count()).select_from(RunRow).where(col(RunRow.status).not_in(ENDED))
        return int((await self._session.exec(query)).one())

    async def driven(self) -> list[str]:
        """Return the ids of all runs that somebody has to drive, the oldest first."""
        query = select(RunRow.id).where(col(RunRow.status).in_(DRIVEN)).order_by(col(RunRow.number))
        return list((await self._session.exec(query)).all())

    async def due(self, now: datetime) -> Due:
        """
        Return what has to be looked after, and nothing of what only waits.

        Three small queries over an index: a thousand waiting requests are neither read nor replayed.
        """
        waiting = RunRow.status == RunStatus.WAITING.value
        passed = or_(col(RunRow.expires_at).is_(None), col(RunRow.expires_at) <= now)
        expired = select(RunRow.id).where(waiting, passed).order_by(col(RunRow.number))
        agreed = select(RunRow.id, RunRow.seq).where(
            waiting,
            select(JournalRow.seq)
            .where(JournalRow.run_id == RunRow.id, JournalRow.kind == Kind.APPROVED.value)
            .correlate(RunRow)
            .exists(),
        )
        return Due(
            driven=tuple(await self.driven()),
            expired=tuple((await self._session.exec(expired)).all()),
            agreed=dict((await self._session.exec(agreed)).all()),
        )

    async def _run_row(self, run_id: str) -> RunHead:
        """
        The row without the frozen plan, which is by far its largest part and never changes: see `_thawed`.

        Reading that with each append took 40 % of a busy bot's time. A transaction sees one moment, so it is read once.

        Raises:
            UnknownNameError: there is no such run; the text offers the nearest.
        """
        if run_id in self._heads:
            return self._heads[run_id]
        found = (await self._session.exec(_HEAD, {"run": run_id})).first()
        if found is not None:
            self._heads[run_id] = RunHead(*found)
            return self._heads[run_id]
        newest = select(RunRow.id).order_by(col(RunRow.number).desc()).limit(200)
        pick("run", run_id, (await self._session.exec(newest)).all())
        raise AssertionError(f"run {run_id} was missing and is there")  # `pick` raises

    async def _change_run(self, head: RunHead) -> None:
        """Write what changes of a run; *head* is how it is after that."""
        values = {"run": head.id, "status": head.status, "seq": head.seq, "epoch": head.epoch}
        await self._write(_CHANGE, [values])
        self._heads[head.id] = head

    async def _thawed(self, run_ids: Sequence[str]) -> list[Run]:
        """The runs of these ids, those that are known without a look at the database."""
        known = {run_id: run for run_id in run_ids if (run := self._run_at_hand(run_id)) is not None}
        if missing := [run_id for run_id in run_ids if run_id not in known]:
            query = select(RunRow.id, RunRow.frozen).where(col(RunRow.id).in_(missing))
            for run_id, frozen in (await self._session.exec(query)).all():
                known[run_id] = from_data(Run, frozen, where=run_id)
        self.learnt.runs.update(known)
        return [known[run_id] for run_id in run_ids if run_id in known]

    def _run_at_hand(self, run_id: str) -> Run | None:
        return self.learnt.runs.get(run_id) or self._known.runs.get(run_id)
