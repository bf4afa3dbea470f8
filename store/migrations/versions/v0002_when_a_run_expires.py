"""When a run expires, as a column: the sweep must not read a thousand frozen plans to find out."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_RUN = sa.table(
    "run",
    sa.column("id", sa.String()),
    sa.column("frozen", sa.JSON()),
    sa.column("created_at", UtcDateTime()),
    sa.column("expires_at", UtcDateTime()),
    sa.column("status", sa.String()),
)


def upgrade() -> None:
    # Nullable, so that a replica of the version before can go on writing beside this one.
    op.add_column("run", sa.Column("expires_at", UtcDateTime(), nullable=True))
    connection = op.get_bind()
    waiting = sa.select(_RUN.c.id, _RUN.c.created_at, _RUN.c.frozen).where(_RUN.c.status == "waiting")
    for run_id, created_at, frozen in connection.execute(waiting).all():
        expires_at = created_at + timedelta(minutes=frozen["plan"]["policy"]["expires_min"])
        connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(expires_at=expires_at))
