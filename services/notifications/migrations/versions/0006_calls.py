"""Calls by the number that they go to: none is called twice at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "messages_calls_idx",
            "messages",
            ["address", "attempted_at"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("channel = 'voice' AND attempted_at IS NOT NULL"),
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index("messages_calls_idx", table_name="messages")
