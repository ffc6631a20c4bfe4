"""Why a series was not extended and a bulk order not done the last time: a code and when."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("bulk_jobs", "series")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("failure_code", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "failed_at")
        op.drop_column(table, "failure_code")
