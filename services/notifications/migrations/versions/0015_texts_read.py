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
    op.create_index(
        "inbound_messages_unread_idx",
        "inbound_messages",
        ["organization_id", "id"],
        postgresql_where=sa.text("status = 'for_staff' AND read_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("inbound_messages_unread_idx", "inbound_messages")
    op.drop_column("inbound_messages", "read_at")
