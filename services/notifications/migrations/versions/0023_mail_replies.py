"""Where clients answer mails, and what their calendars said last."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reply_addresses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_uid", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "digest"),
        comment="Digests: who reads them cannot write to the addresses.",
    )
    op.create_index("reply_addresses_client_idx", "reply_addresses", ["organization_id", "client_id"])
    op.create_index("reply_addresses_given_idx", "reply_addresses", ["given_at"])
    op.create_table(
        "calendar_replies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("recurs_at", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "digest", "recurs_at"),
        comment="The newest answer of each calendar entry, of each date by itself; of a single one the date is empty.",
    )
    op.create_index("calendar_replies_received_idx", "calendar_replies", ["received_at"])
    for table in ("reply_addresses", "calendar_replies"):
        enable_tenant_isolation(op, table)
    grant_app(op, service="notifications", tables=["reply_addresses", "calendar_replies"])


def downgrade() -> None:
    op.drop_table("calendar_replies")
    op.drop_table("reply_addresses")
