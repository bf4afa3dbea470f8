"""The audit only grows: what was read of it once stands there for ever, and what is new follows it in the chain."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from store.chain import START, AuditError, Line, follow
from tests.model.eye import Eye

_AUDIT = "SELECT n, at, who, what, data, previous, hash FROM audit ORDER BY n"
_JOURNAL = "SELECT run_id, seq, kind, unit, at, who, data, version FROM journal ORDER BY rowid"


class OnlyGrows:
    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._audit: list[tuple[Any, ...]] = []
        self._journal: list[tuple[Any, ...]] = []
        self._head = START

    def check(self) -> Iterator[str]:
        audit, journal = self._eye.ask(_AUDIT), self._eye.ask(_JOURNAL)
        if audit[: len(self._audit)] != self._audit:
            yield "audit: a line that stood there was changed or is gone"
        if journal[: len(self._journal)] != self._journal:
            yield "audit: an entry of a journal was changed or is gone"
        new = audit[len(self._audit) :]
        try:
            self._head = follow(self._head, map(_line, new))
        except AuditError as error:
            yield f"audit: {error}"
        said = sum(line[3].startswith("journal.") for line in audit)
        if said != len(journal):
            yield f"audit: {len(journal)} entries stand in journals, {said} in the audit"
        self._audit, self._journal = audit, journal


def _line(row: tuple[Any, ...]) -> Line:
    n, at, who, what, data, previous, digest = row
    return Line(n=n, at=datetime.fromisoformat(at), who=who, what=what, data=data, previous=previous, hash=digest)
