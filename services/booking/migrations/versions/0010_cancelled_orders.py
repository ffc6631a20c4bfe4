"""When a bulk order was cancelled, and by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bulk_jobs", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bulk_jobs", sa.Column("cancelled_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("bulk_jobs", "cancelled_by")
    op.drop_column("bulk_jobs", "cancelled_at")
