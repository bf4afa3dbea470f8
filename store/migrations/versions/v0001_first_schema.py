"""First schema."""

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _runs()
    _upgrades()
    _chat()
    _records()
    head = sa.table("audit_head", sa.column("id"), sa.column("n"), sa.column("hash"))
    op.execute(head.insert().values(id=1, n=0, hash="0" * 64))  # what the first line of the audit follows


def _runs() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("frozen", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("number", name=op.f("uq_run_number")),
    )
    op.create_index(op.f("ix_run_status"), "run", ["status"])
    op.create_index(op.f("ix_run_target"), "run", ["target"])
    op.create_table(
        "journal",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("unit", Words(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_journal_run_id")),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_journal")),
    )
    op.create_table(
        "target_lock",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_target_lock_run_id")),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_target_lock")),
        sa.UniqueConstraint("run_id", name=op.f("uq_target_lock_run_id")),
    )
    op.create_table(
        "claim",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("verdict_digest", sa.String(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_claim_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_claim")),
    )
    op.create_table(
        "output",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("unit", Words(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("output", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_output_run_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_output")),
        sa.UniqueConstraint("run_id", "unit", "verb", "attempt", name=op.f("uq_output_run_id_unit_verb_attempt")),
    )


def _upgrades() -> None:
    op.create_table(
        "upgrade",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("origin", Words(), nullable=False),
        sa.Column("destination", Words(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_upgrade")),
    )
    op.create_index(op.f("ix_upgrade_target"), "upgrade", ["target"])
    op.create_table(
        "checkpoint",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upgrade", sa.Integer(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("evidence", Words(), nullable=False),
        sa.ForeignKeyConstraint(["upgrade"], ["upgrade.number"], name=op.f("fk_checkpoint_upgrade")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_checkpoint")),
    )
    op.create_index(op.f("ix_checkpoint_upgrade"), "checkpoint", ["upgrade"])
    op.create_table(
        "snapshot",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upgrade", sa.Integer(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["upgrade"], ["upgrade.number"], name=op.f("fk_snapshot_upgrade")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_snapshot")),
    )
    op.create_index(op.f("ix_snapshot_upgrade"), "snapshot", ["upgrade"])
    op.create_table(
        "baseline",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upgrade", sa.Integer(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["upgrade"], ["upgrade.number"], name=op.f("fk_baseline_upgrade")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_baseline")),
    )
    op.create_index(op.f("ix_baseline_upgrade"), "baseline", ["upgrade"])


def _chat() -> None:
    op.create_table(
        "inbox",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("handled_at", UtcDateTime(), nullable=True),
        sa.Column("note", Words(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_inbox_event_id")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"])
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sending_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("gave_up_at", UtcDateTime(), nullable=True),
        sa.Column("ref", sa.JSON(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_run_id"), "outbox", ["run_id"])
    op.create_index(op.f("ix_outbox_sent_at"), "outbox", ["sent_at"])
    op.create_table(
        "board",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ts", sa.String(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("shown_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_board_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_board")),
        sa.UniqueConstraint("channel", "ts", name=op.f("uq_board_channel_ts")),
    )


def _records() -> None:
    op.create_table(
        "audit",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("what", Words(), nullable=False),
        sa.Column("data", Words(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_audit")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "frozen",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen")),
    )
