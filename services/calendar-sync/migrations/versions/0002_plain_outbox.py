"""An outbox that is written plainly."""

from alembic import op

from slotstream_servicekit.migrations import compress_outbox, write_outbox_plainly

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    write_outbox_plainly(op)


def downgrade() -> None:
    compress_outbox(op)
