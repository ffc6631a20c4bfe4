"""Whose agendas there are, and what an organization has on one day, found without reading the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "messages_user_idx",
            "messages",
            ["organization_id", "user_id"],
            postgresql_where=sa.text("user_id IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            "appointments_day_idx",
            "appointments",
            ["organization_id", "ends_at"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table in (("appointments_day_idx", "appointments"), ("messages_user_idx", "messages")):
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
