"""Which replica has in hands what came, and since when: so far the note said the half of it."""

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default and nullable, so that a replica of the version before can go on writing beside this one.
    op.add_column("inbox", sa.Column("holder", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("inbox", sa.Column("held_at", UtcDateTime(), nullable=True))
