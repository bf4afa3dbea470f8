"""The hash chain of the audit, as pure functions: each line's hash covers the line before it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from core.codec import to_data
from core.errors import BelayError
from store.columns import iso
from store.records import AuditHead

#: What the first line follows.
START: Final = AuditHead(n=0, hash="0" * 64)


class AuditError(BelayError):
    """The audit is not what was written. Nothing that follows the named line can be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a line of the audit is made of."""

    what: str
    who: str
    data: Any  #: anything `core.codec.to_data` takes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    n: int
    at: datetime
    who: str
    what: str
    data: str  #: canonical JSON
    previous: str
    hash: str


def canonical(data: Any) -> str:
    """Return *data* as the text that is hashed: sorted keys, ASCII only, so that any database keeps it exactly."""
    return json.dumps(to_data(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def line_after(head: AuditHead, *, at: datetime, who: str, what: str, data: str) -> Line:
    line = Line(n=head.n + 1, at=at, who=who, what=what, data=data, previous=head.hash, hash="")
    return replace(line, hash=_hash(line))


def follow(head: AuditHead, lines: Iterable[Line]) -> AuditHead:
    """
    Check that *lines* follow *head* without a gap, and return the head after them.

    Raises:
        AuditError: naming the first line that is missing, out of place or altered.
    """
    for line in lines:
        if line.n != head.n + 1:
            raise AuditError(f"audit line {head.n + 1} is missing; line {line.n} stands in its place")
        if line.previous != head.hash:
            raise AuditError(f"audit line {line.n} does not follow line {head.n}: one of the two was replaced")
        if line.hash != _hash(line):
            raise AuditError(f"audit line {line.n} ('{line.what}' by '{line.who}') was altered after it was written")
        head = AuditHead(n=line.n, hash=line.hash)
    return head


def _hash(line: Line) -> str:
    covered = [line.n, iso(line.at), line.who, line.what, line.data, line.previous]
    return hashlib.sha256(json.dumps(covered, separators=(",", ":")).encode()).hexdigest()
