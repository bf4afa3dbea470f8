"""
The tables. A change here needs a migration in `store/migrations/versions`; a test compares the two.

Truth and cache: a run's truth is `journal`; `run.status` and `run.seq` are caches written in the same transaction.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.columns import UtcDateTime, Words


class Table(SQLModel):
    #: Named constraints, so that a later migration can say which one it means.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CounterRow(Table, table=True):
    """The last number given out, by what it numbers."""

    __tablename__ = "counter"
    name: str = Field(primary_key=True)
    value: int


class RunRow(Table, table=True):
    __tablename__ = "run"
    #: What is asked of all runs every few seconds is answered from these: on SQLite whatever stands in a row behind the
    #: frozen plan costs reading the plan.
    __table_args__ = (
        Index("ix_run_by_status", "status", "id", "number", "seq", "expires_at"),
        Index("ix_run_by_id", "id", "status", "number", "seq"),
    )
    id: str = Field(primary_key=True)
    number: int = Field(unique=True)
    target: str = Field(index=True)
    frozen: dict[str, Any] = Field(sa_type=JSON)  #: `core.run.Run` as `core.codec` writes it
    digest: str
    requester: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  #: None: see the frozen run
    status: str
    seq: int = 0
    epoch: int = 0  #: of whoever drives it; see `JournalPart.raise_epoch`


class JournalRow(Table, table=True):
    __tablename__ = "journal"
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    unit: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str = Field(sa_type=Words)
    data: dict[str, Any] = Field(sa_type=JSON)
    version: int


class TargetLockRow(Table, table=True):
    __tablename__ = "target_lock"
    target: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="run.id", unique=True)
    at: datetime = Field(sa_type=UtcDateTime)


class ClaimRow(Table, table=True):
    """A run's approvals are spent. The primary key is what makes it happen once."""

    __tablename__ = "claim"
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    digest: str
    verdict_digest: str
    people: list[str] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)


class UpgradeRow(Table, table=True):
    __tablename__ = "upgrade"
    number: int | None = Field(default=None, primary_key=True)
    target: str = Field(index=True)
    begun: bool  #: False: nobody said that an upgrade began; facts were recorded all the same
    origin: str = Field(sa_type=Words)
    destination: str = Field(sa_type=Words)
    started_at: datetime = Field(sa_type=UtcDateTime)
    who: str = Field(sa_type=Words)


class HopRow(Table, table=True):
    """A hop began, or (`ended`) the one that was open ended. Rows are added, so an end is a row of its own."""

    __tablename__ = "hop"
    number: int | None = Field(default=None, primary_key=True)
    upgrade: int = Field(foreign_key="upgrade.number", index=True)
    origin: str = Field(sa_type=Words)
    destination: str = Field(sa_type=Words)
    ended: bool
    snapshot: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str = Field(sa_type=Words)


class CheckpointRow(Table, table=True):
    __tablename__ = "checkpoint"
    number: int | None = Field(default=None, primary_key=True)
    upgrade: int = Field(foreign_key="upgrade.number", index=True)
    name: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str = Field(sa_type=Words)
    evidence: str = Field(sa_type=Words)


class SnapshotRow(Table, table=True):
    __tablename__ = "snapshot"
    number: int | None = Field(default=None, primary_key=True)
    upgrade: int = Field(foreign_key="upgrade.number", index=True)
    name: str = Field(sa_type=Words)
    who: str = Field(sa_type=Words)
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    facts: dict[str, Any] = Field(sa_type=JSON)  #: `core.ledger.Snapshot`


class BaselineRow(Table, table=True):
    __tablename__ = "baseline"
    number: int | None = Field(default=None, primary_key=True)
    upgrade: int = Field(foreign_key="upgrade.number", index=True)
    who: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=UtcDateTime)
    facts: dict[str, str] = Field(sa_type=JSON)


class InboxRow(Table, table=True):
    __tablename__ = "inbox"
    number: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(unique=True)
    kind: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)
    holder: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    handled_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    note: str = Field(default="", sa_type=Words)


class OutboxRow(Table, table=True):
    __tablename__ = "outbox"
    number: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    run_id: str = Field(index=True)
    kind: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)
    sending_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    gave_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ref: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    failures: int = 0
    error: str = Field(default="", sa_type=Words)


class BoardRow(Table, table=True):
    __tablename__ = "board"
    __table_args__ = (UniqueConstraint("channel", "ts"),)
    run_id: str = Field(primary_key=True, foreign_key="run.id")
    channel: str
    ts: str | None = None  #: None: not posted yet
    shown: int = 0
    shown_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OverviewRow(Table, table=True):
    __tablename__ = "overview"
    channel: str = Field(primary_key=True)
    ts: str | None = None  #: None: not posted yet
    opened_at: datetime = Field(sa_type=UtcDateTime)


class OutputRow(Table, table=True):
    __tablename__ = "output"
    __table_args__ = (UniqueConstraint("run_id", "unit", "verb", "attempt"),)
    number: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="run.id")
    unit: str = Field(sa_type=Words)
    verb: str
    attempt: int
    exit_code: int | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    output: dict[str, Any] = Field(sa_type=JSON)  #: `core.action.Output`; JSON, for hosts print what text cannot hold


class AuditRow(Table, table=True):
    __tablename__ = "audit"
    n: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    who: str = Field(sa_type=Words)
    what: str = Field(sa_type=Words)
    data: str = Field(sa_type=Words)  #: canonical JSON, kept as the very text that was hashed
    previous: str
    hash: str


class AuditHeadRow(Table, table=True):
    """
    One row: the last line of the audit.

    On PostgreSQL it is also what every writing transaction locks first, see `Store.begin`.
    """

    __tablename__ = "audit_head"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    n: int
    hash: str


class FreezeRow(Table, table=True):
    """At most one row, with id 1. While it is there, nothing is dispatched."""

    __tablename__ = "frozen"  # `freeze` is a word of PostgreSQL
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    reason: str = Field(sa_type=Words)
    who: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=UtcDateTime)
