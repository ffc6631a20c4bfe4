"""What clients wrote can be read; what came before this is not unread all at once."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound_messages", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE inbound_messages SET read_at = updated_at WHERE status = 'for_staff'")


def downgrade() -> None:
    op.drop_column("inbound_messages", "read_at")
