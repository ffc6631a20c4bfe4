"""On which channels an organization can send, where it has accounts of its own."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organization_channels",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("channels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    enable_tenant_isolation(op, "organization_channels")
    grant_app(op, service="booking", tables=["organization_channels"])


def downgrade() -> None:
    op.drop_table("organization_channels")
