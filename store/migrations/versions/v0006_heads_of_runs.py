"""Indexes that hold what is asked of all runs every few seconds, so that no frozen plan is read for it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_run_by_status", "run", ["status", "id", "number", "seq", "expires_at"])
    op.create_index("ix_run_by_id", "run", ["id", "status", "number", "seq"])
    op.drop_index("ix_run_status", table_name="run")
