"""The latest live event of one organization, found without reading the others'."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEX = "live_events_organization_id_seq_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            _INDEX, "live_events", ["organization_id", "seq"], postgresql_concurrently=True, if_not_exists=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "live_events", postgresql_concurrently=True, if_exists=True)
