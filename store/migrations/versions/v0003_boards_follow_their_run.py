"""What a board should show is its run's last entry; a copy of that number in the board's row is not kept any more."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("board", "wanted")
