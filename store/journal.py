"""The journal of each run: append, read, replay; and the epoch that keeps out a driver who was replaced."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core.codec import to_data
from core.errors import ConflictError, FencedError, TransitionError
from core.journal import VERSION, Entry, Kind
from core.run import Run
from core.state import RunState, apply, check_version
from core.wishes import Draft
from store.audit import AuditPart
from store.boards import BoardsPart
from store.chain import Said
from store.columns import utc
from store.locks import LocksPart
from store.parts import Memory
from store.runs import ENDED, RunHead
from store.sessions import Session
from store.tables import BoardRow, JournalRow, RunRow


class JournalPart(AuditPart, BoardsPart, LocksPart):
    def __init__(self, session: Session, *, known: Memory, writes: bool) -> None:
        super().__init__(session, known=known, writes=writes)
        self._appended: dict[str, list[Entry]] = {}

    async def add_run(self, run: Run, drafts: Sequence[Draft], *, at: datetime, by: str) -> RunState:
        """
        Keep the frozen run and its first entries (DRAFTED, then SUBMITTED or REFUSED).

        Raises:
            TransitionError: the entries cannot follow one another.
            ConflictError: there is a run of this id.
        """
        row = RunRow(
            id=run.id,
            number=int(run.id.removeprefix("R-")),
            target=run.target,
            frozen=to_data(run),
            digest=run.digest,
            requester=run.requester,
            created_at=run.created_at,
            expires_at=run.subject.expires_at,
            status=RunState().status,
        )
        try:
            await self._add(row)
        except IntegrityError as error:
            raise ConflictError(f"there is a run {run.id} already") from error
        if run.channel:
            await self._add(BoardRow(run_id=run.id, channel=run.channel))
        self.learnt.runs[run.id] = run
        return await self.append(run.id, drafts, seq=0, at=at, by=by)

    async def entries(self, run_id: str, *, after: int = 0) -> list[Entry]:
        """Return the entries after number *after*, in order."""
        written = self._appended.get(run_id, [])
        if written and after >= written[0].seq - 1:  # by this very transaction: nothing can stand between them
            return [entry for entry in written if entry.seq > after]
        query = select(JournalRow).where(JournalRow.run_id == run_id, JournalRow.seq > after)
        rows = (await self._session.exec(query.order_by(col(JournalRow.seq)))).all()
        return [_entry(row) for row in rows]

    async def state(self, run_id: str) -> RunState:
        """
        Replay the journal.

        Raises:
            UnknownNameError: there is no such run.
            NewerJournalError: a newer version of Belay wrote in it.
        """
        head, state = await self._run_row(run_id), self._at_hand(run_id)
        if state.seq != head.seq:
            for entry in await self.entries(run_id, after=state.seq):
                state = apply(state, entry)
        self.learnt.states[run_id] = state
        return state

    async def unreadable(self) -> list[str]:
        """Return the ids of runs under way in whose journal a newer version of Belay wrote."""
        newer = select(JournalRow.seq).where(JournalRow.run_id == RunRow.id, JournalRow.version > VERSION)
        query = select(RunRow.number, RunRow.id).where(
            col(RunRow.status).not_in(ENDED), newer.correlate(RunRow).exists()
        )
        return [run_id for _, run_id in sorted((await self._session.exec(query)).all())]

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        seq: int,
        at: datetime,
        by: str = "",
        epoch: int | None = None,
    ) -> RunState:
        """
        Write *drafts* as entries seq + 1 and on, each with its line in the audit; return the state after them.

        Nothing of it is written unless all of it is. When the run ends, its target is unlocked.

        Raises:
            ConflictError: the journal's last entry is not *seq*.
            FencedError: *epoch* is not the run's: another one drives it.
            TransitionError: an entry cannot happen now.
        """
        head = await self._run_row(run_id)
        _check_epoch(head, epoch)
        state = await self.state(run_id)
        if state.seq != seq:
            raise ConflictError(f"{run_id} is at entry {state.seq}, not at {seq}: load it again and decide again")
        entries, state = _follow(state, drafts, at=utc(at), by=by)
        try:
            await self._add(*(_row(run_id, entry) for entry in entries))
        except IntegrityError as error:
            raise ConflictError(f"{run_id} has an entry {seq + 1} already: load it again and decide again") from error
        await self.audit_all(_said(run_id, entry) for entry in entries)
        await self._after_append(head, state)
        self._appended.setdefault(run_id, []).extend(entries)
        return state

    async def raise_epoch(self, run_id: str) -> int:
        """Become the one who drives this run: return the new epoch. Whoever has an older one can write nothing."""
        head = await self._run_row(run_id)
        await self._change_run(replace(head, epoch=head.epoch + 1))
        return head.epoch + 1

    async def check_epoch(self, run_id: str, epoch: int) -> None:
        """
        Raises:
            FencedError: another one drives the run now.
        """
        _check_epoch(await self._run_row(run_id), epoch)

    def _at_hand(self, run_id: str) -> RunState:
        return self.learnt.states.get(run_id) or self._known.states.get(run_id) or RunState()

    async def _after_append(self, head: RunHead, state: RunState) -> None:
        await self._change_run(replace(head, status=state.status.value, seq=state.seq))
        if state.status.ended:
            await self.unlock_target(head.target, head.id)
        self.learnt.states[head.id] = state


def _follow(state: RunState, drafts: Sequence[Draft], *, at: datetime, by: str) -> tuple[list[Entry], RunState]:
    if not drafts:
        raise TransitionError("the journal", f"at entry {state.seq}", "nothing")
    entries = []
    for draft in drafts:
        entry = Entry(seq=state.seq + 1, kind=draft.kind, at=at, unit=draft.unit, by=by, data=to_data(dict(draft.data)))
        state = apply(state, entry)
        entries.append(entry)
    return entries, state


def _said(run_id: str, entry: Entry) -> Said:
    line = {"run": run_id, "seq": entry.seq, "unit": entry.unit, "data": entry.data, "version": entry.version}
    return Said(what=f"journal.{entry.kind}", who=entry.by, data=line, at=entry.at)


def _check_epoch(head: RunHead, epoch: int | None) -> None:
    if epoch is not None and head.epoch != epoch:
        raise FencedError(
            f"{head.id} is driven under epoch {head.epoch} now, this driver has epoch {epoch}: "
            "it has to stop driving it"
        )


def _row(run_id: str, entry: Entry) -> JournalRow:
    return JournalRow(
        run_id=run_id,
        seq=entry.seq,
        kind=entry.kind,
        unit=entry.unit,
        at=entry.at,
        who=entry.by,
        data=dict(entry.data),
        version=entry.version,
    )


def _entry(row: JournalRow) -> Entry:
    check_version(row.seq, row.version)
    return Entry(
        seq=row.seq,
        kind=Kind(row.kind),
        at=row.at,
        unit=row.unit,
        by=row.who,
        data=row.data,
        version=row.version,
    )
