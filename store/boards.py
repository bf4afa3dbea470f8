"""Boards: which message shows a run, what it should show and what it shows. Latest wins."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from core.run_states import RunStatus
from store.records import Board
from store.runs import DRIVEN, ENDED, RunsPart
from store.tables import BoardRow, RunRow

#: What a board should show is what its run's journal has: the number of the last entry.
_BOARDS = select(BoardRow, RunRow.seq).where(BoardRow.run_id == RunRow.id)
_BEHIND = col(RunRow.seq) > col(BoardRow.shown)
#: Written so that SQLite goes through the index of heads and looks each board up. By its key it would look up each run,
#: past its plan on the disk: 26 ms for a thousand that wait, every few seconds, instead of less than one.
_OF_ALL_RUNS = BoardRow.run_id == col(RunRow.id).concat("")


class BoardsPart(RunsPart):
    async def board(self, run_id: str) -> Board | None:
        """None: the run has no board (it was asked for where there is no channel)."""
        return (await self.boards([run_id])).get(run_id)

    async def boards(self, run_ids: Collection[str]) -> dict[str, Board]:
        """Return the boards of these runs, as far as they have one."""
        query = _BOARDS.where(col(BoardRow.run_id).in_(run_ids))
        return {row.run_id: _board(row, seq) for row, seq in (await self._session.exec(query)).all()}

    async def waiting_with_board(self) -> list[str]:
        """Return the runs that wait for approvals and have a board to react on, the newest first."""
        query = select(RunRow.id).where(
            BoardRow.run_id == RunRow.id, col(BoardRow.ts).is_not(None), RunRow.status == RunStatus.WAITING.value
        )
        return list((await self._session.exec(query.order_by(col(RunRow.number).desc()))).all())

    async def channels_under_way(self) -> list[str]:
        """Return the channels in which runs wait or are driven."""
        query = select(BoardRow.channel).where(_OF_ALL_RUNS, col(RunRow.status).not_in(ENDED)).distinct()
        return sorted((await self._session.exec(query)).all())

    async def place_board(self, run_id: str, channel: str, ts: str) -> None:
        """
        Record the message that is the run's board. A board that moves is behind until it was shown again.

        Raises:
            UnknownNameError: there is no such run.
        """
        row = await self._session.get(BoardRow, run_id)
        if row is None:
            await self._run_row(run_id)
            row = BoardRow(run_id=run_id, channel=channel)
        if row.ts is not None and (row.channel, row.ts) != (channel, ts):
            row.shown = 0
        row.channel, row.ts = channel, ts
        await self._add(row)

    async def boards_behind(self) -> list[Board]:
        """Boards that do not show the newest entry, those not posted yet among them; oldest runs first."""
        return [board for board, _ in await self._boards_of_all_runs(_BEHIND)]

    async def boards_to_watch(self) -> list[tuple[Board, RunStatus]]:
        """
        Return the boards that are behind, and those of runs somebody drives, whose times move; oldest runs first.

        One query, and none of the frozen plans: a board that only waits for approvals costs nothing.
        """
        return await self._boards_of_all_runs(or_(_BEHIND, col(RunRow.status).in_(DRIVEN)))

    async def _boards_of_all_runs(self, which: ColumnElement[bool]) -> list[tuple[Board, RunStatus]]:
        """Sorted here: SQLite would go through the runs by their numbers for it, past each plan."""
        query = select(BoardRow, RunRow.number, RunRow.seq, RunRow.status).where(_OF_ALL_RUNS, which)
        rows = sorted((await self._session.exec(query)).all(), key=lambda row: row[1])
        return [(_board(row, seq), RunStatus(status)) for row, _, seq, status in rows]

    async def shown(self, run_id: str, version: int, at: datetime) -> None:
        """The board shows *version* now. An older one that arrives late changes nothing."""
        row = await self._session.get(BoardRow, run_id)
        if row is not None and version > row.shown:
            row.shown, row.shown_at = version, at
            await self._add(row)

    async def run_of_message(self, channel: str, ts: str) -> str | None:
        """Return the id of the run whose board this message is."""
        query = select(BoardRow.run_id).where(BoardRow.channel == channel, BoardRow.ts == ts)
        found: str | None = (await self._session.exec(query)).first()
        return found


def _board(row: BoardRow, wanted: int) -> Board:
    return Board(
        run_id=row.run_id,
        channel=row.channel,
        ts=row.ts or "",
        wanted=wanted,
        shown=row.shown,
        shown_at=row.shown_at,
    )
