"""The hops of an upgrade: a chain of releases, each with its beginning and its end."""

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime, Words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hop",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upgrade", sa.Integer(), nullable=False),
        sa.Column("origin", Words(), nullable=False),
        sa.Column("destination", Words(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("snapshot", Words(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.ForeignKeyConstraint(["upgrade"], ["upgrade.number"], name=op.f("fk_hop_upgrade")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hop")),
    )
    op.create_index(op.f("ix_hop_upgrade"), "hop", ["upgrade"])
