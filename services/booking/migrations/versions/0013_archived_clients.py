"""An index of the few clients that are archived, by name: their list read all the others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEX = "clients_archived_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            _INDEX,
            "clients",
            ["organization_id", "sort_name", "id"],
            postgresql_where=sa.text("archived AND merged_into IS NULL AND erased IS FALSE"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "clients", postgresql_concurrently=True, if_exists=True)
