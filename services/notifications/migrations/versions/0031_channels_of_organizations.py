"""What others were told of the channels that organizations can send on."""

import sqlalchemy as sa
from alembic import op

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organization_channels",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("channels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
        comment="What was told last of what organizations can send on, of those that have had accounts of their own.",
    )
    enable_tenant_isolation(op, "organization_channels")
    grant_app(op, service="notifications", tables=["organization_channels"])


def downgrade() -> None:
    op.drop_table("organization_channels")
