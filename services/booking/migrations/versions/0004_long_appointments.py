"""An index of the few appointments that last for more than a week: a report's range may lie in the middle of one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEX = "appointments_long_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            _INDEX,
            "appointments",
            ["organization_id", "ends_at"],
            postgresql_where=sa.text("ends_at - starts_at > '7 days'::interval"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "appointments", postgresql_concurrently=True, if_exists=True)
