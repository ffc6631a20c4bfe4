"""An outbox that keeps its pages."""

from alembic import op

from slotstream_servicekit.migrations import keep_outbox_pages, return_outbox_pages

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keep_outbox_pages(op)


def downgrade() -> None:
    return_outbox_pages(op)
