"""Clients who get no reminders by mail any more, since when, and who has said so."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("preferences", sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("preferences", sa.Column("unsubscribed_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("preferences", "unsubscribed_by")
    op.drop_column("preferences", "unsubscribed_at")
