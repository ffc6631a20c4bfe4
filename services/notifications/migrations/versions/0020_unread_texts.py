"""An index of the few messages from clients that nobody has read."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INDEX = "inbound_messages_unread_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            _INDEX,
            "inbound_messages",
            ["organization_id", "id"],
            postgresql_where=sa.text("status = 'for_staff' AND read_at IS NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "inbound_messages", postgresql_concurrently=True, if_exists=True)
