"""What the store gives back and the core has no word for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.action import Output, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLock:
    """One active run per target: this one."""

    target: str
    run_id: str
    requester: str  #: id of the person who asked for the run
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The approvals of a run, spent."""

    run_id: str
    digest: str
    verdict_digest: str
    people: tuple[str, ...]  #: ids, sorted
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """An event of the chat service that was received and not handled yet."""

    event_id: str
    kind: str
    payload: Mapping[str, Any]
    at: datetime
    holder: str = ""  #: the replica that has it in hands; it may be gone
    held_at: datetime  #: when that one took it in, or took it up from another
    note: str = ""  #: what its row says of that, as it was read

    @property
    def taken_up(self) -> bool:
        """Whether somebody left it to its holder."""
        return self.held_at != self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to send. The first five fields are the sender's; the rest says what became of it."""

    key: str  #: unique for ever: the same key is the same message
    run_id: str = ""
    kind: str
    payload: Mapping[str, Any]
    at: datetime
    sending_at: datetime | None = None  #: met after a crash, it means: it may have been posted; look first
    failures: int = 0
    error: str = ""  #: of the last failure
    sent_at: datetime | None = None
    ref: Mapping[str, Any] = field(default_factory=dict)  #: what the chat service called it


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The messages of the outbox that belong into one channel."""

    channel: str  #: "": their runs have no board, and so they have no place to go to
    first: int | None  #: number of the first that may be sent; None: no board of theirs was posted yet
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Runs that have to be looked after now."""

    driven: tuple[str, ...]
    expired: tuple[str, ...]  #: waiting, and the time is up (or not known: look at the run itself)
    agreed: Mapping[str, int]  #: waiting with some approval: run -> number of its last journal entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The message that shows a run. It is behind while `wanted > shown`; versions are journal numbers."""

    run_id: str
    channel: str
    ts: str  #: "" until it was posted
    wanted: int
    shown: int
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The message that shows all live runs of a channel; `opened_at` tells it from an earlier one there."""

    channel: str
    ts: str  #: "" until it was posted
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOutput:
    """What one attempt of one unit's action printed, bounded and redacted before it came here."""

    unit: str
    verb: Verb
    attempt: int
    exit_code: int | None  #: None: its end was not seen
    at: datetime
    output: Output


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The end of the audit: how many lines, and the hash of the last. Publish it where nobody can rewrite it."""

    n: int
    hash: str  #: 64 hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """All dispatch is stopped."""

    reason: str
    by: str
    at: datetime
