"""What stands in the database, read with plain SQL by somebody who knows none of the bot's code."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of a journal, and when it was committed."""

    moment: int
    run_id: str
    seq: int
    kind: str
    unit: str
    at: datetime
    who: str
    data: Mapping[str, Any]

    @property
    def step(self) -> str:
        return self.unit.partition("@")[0]


@dataclass(frozen=True, slots=True)
class RunRow:
    id: str
    requester: str
    created_at: datetime
    expires_at: datetime
    status: str
    epoch: int


class Eye:
    """It notices what each commit changed: `lines` are those of all journals, in the order they were committed."""

    def __init__(self, file: Path, ticks: "count[int]") -> None:
        self._database = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
        self._ticks = ticks
        self._last = 0
        self.lines: list[Line] = []
        self.runs: dict[str, RunRow] = {}
        self.raised_at: dict[str, int] = {}  #: run -> when its epoch changed last
        self.checkpoint_at: int | None = None

    def look(self) -> list[Line]:
        """Read what is new; return the new lines."""
        moment = next(self._ticks)
        self._read_runs(moment)
        query = "SELECT rowid, run_id, seq, kind, unit, at, who, data FROM journal WHERE rowid > ? ORDER BY rowid"
        new = []
        for rowid, run_id, seq, kind, unit, at, who, data in self.ask(query, self._last):
            self._last = rowid
            when, said = datetime.fromisoformat(at), json.loads(data)
            new.append(Line(moment=moment, run_id=run_id, seq=seq, kind=kind, unit=unit, at=when, who=who, data=said))
        self.lines += new
        if self.checkpoint_at is None and self.ask("SELECT 1 FROM checkpoint LIMIT 1"):
            self.checkpoint_at = moment
        return new

    def _read_runs(self, moment: int) -> None:
        query = "SELECT id, requester, created_at, expires_at, status, epoch FROM run ORDER BY number"
        for run_id, requester, created, expires, status, epoch in self.ask(query):
            before = self.runs.get(run_id)
            if before is not None and before.epoch != epoch:
                self.raised_at[run_id] = moment
            times = (datetime.fromisoformat(created), datetime.fromisoformat(expires))
            self.runs[run_id] = RunRow(run_id, requester, *times, status, epoch)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(query, values).fetchall()

    def of(self, run_id: str, unit: str = "") -> list[Line]:
        """The lines of a run, or of one of its units."""
        return [line for line in self.lines if line.run_id == run_id and (not unit or line.unit == unit)]

    def close(self) -> None:
        self._database.close()
